// llama.cpp on the processor, through node-llama-cpp's prebuilt binary: nothing is compiled or downloaded.
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'

/** Runs `work` with a model and a sequence of `contextSize` tokens, and frees both. */
export async function withLlamaCpp(path, contextSize, work) {
  const llama = await getLlama({ build: 'never', skipDownload: true, gpu: false, logLevel: LlamaLogLevel.error })
  const model = await llama.loadModel({ modelPath: path })
  const context = await model.createContext({ contextSize, batchSize: contextSize, threads: llama.cpuMathCores })
  try {
    return await work(context.getSequence(), model)
  } finally {
    await context.dispose()
    await model.dispose()
  }
}
