/**
 * Where an encoder's time goes: passages and one query through the bundled embedding model, then each kernel by itself.
 *
 *   node bench/run.mjs encoder-kernels --model FOLDER [--tokens 190] [--texts 32] [--rounds 5] [--int8]
 *
 * Kernels are timed by stamps around passes of their own, which cost time themselves; the wall time is measured without them.
 */
import { parseArgs } from 'node:util'
import { Engine } from '../src/main/engine'
import { KernelTimer } from '../src/main/engine/kernels/kernel-timer'
import { openModelFile } from '../src/main/engine/formats/model-file'
import { loadEncoder, readModelConfig } from '../src/main/engine/models/load-decoder'
import { EncoderRunner } from '../src/main/engine/runtime/encoder-runner'

const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    tokens: { type: 'string', default: '190' },
    texts: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '5' },
    int8: { type: 'boolean', default: false },
  },
})
if (!options.model) throw new Error('Name the embedding model: --model FOLDER')

const engine = new Engine()
const gpu = await engine.open()
const file = await openModelFile(options.model)
const config = await readModelConfig(file)
const encoder = await loadEncoder(gpu, file, config, { int8: options.int8 })
await file.close()
const runner = await EncoderRunner.open(gpu, encoder, gpu.profile.stepTokens)

const textOf = (tokens: number) => ({
  ids: Array.from({ length: tokens }, () => 1000 + Math.floor(Math.random() * (config.vocabSize - 1000))),
})
const tokens = Number(options.tokens)
const perBatch = Math.max(1, Math.floor(runner.maxTokens / tokens))

async function fastest(run: () => Promise<unknown>): Promise<number> {
  await run()
  let least = Infinity
  for (let round = 0; round < Number(options.rounds); round++) {
    const start = performance.now()
    await run()
    least = Math.min(least, performance.now() - start)
  }
  return least
}

const passages = Array.from({ length: Number(options.texts) }, () => textOf(tokens))
const passagesMs = await fastest(async () => {
  for (let at = 0; at < passages.length; at += perBatch)
    await runner.pooled(passages.slice(at, at + perBatch), 'mean', true)
})
const query = textOf(12)
const queryMs = await fastest(() => runner.pooled([query], 'mean', true))
console.log(
  `${config.architecture}, ${tokens} tokens, ${perBatch} texts a batch: ` +
    `${((passages.length * 1000) / passagesMs).toFixed(1)} passages/s; a query of 12 tokens ${queryMs.toFixed(1)} ms`,
)

const timer = await KernelTimer.open(gpu)
runner.recorder.observer = timer
for (const [name, batch] of Object.entries({ passages: passages.slice(0, perBatch), query: [query] })) {
  const shares = new Map<string, { calls: number; ms: number; flops: number }>()
  await runner.pooled(batch, 'mean', true)
  for (const call of await timer.collect()) {
    const { cols, rows } = call.shape
    const { name: kernel } = call.call.kernel
    const key = cols && rows ? `${kernel} ${rows}x${cols}` : kernel
    const share = shares.get(key) ?? { calls: 0, ms: 0, flops: 0 }
    share.calls++
    share.ms += (call.endNs - call.beginNs) / 1e6
    share.flops += call.flops
    shares.set(key, share)
  }
  console.log(`\n${name}: a stamp pair costs ${(timer.stampCostNs / 1e6).toFixed(3)} ms`)
  for (const [kernel, { calls, ms, flops }] of [...shares].sort((a, b) => b[1].ms - a[1].ms))
    console.log(`${kernel.padEnd(32)} ${calls} calls ${ms.toFixed(2)} ms ${(flops / ms / 1e6).toFixed(1)} GFLOP/s`)
}
runner.recorder.observer = null
timer.release()
runner.release()
await engine.close()
