/** How much an error of each input counts: its mean square over a text, as llama.cpp's imatrix tool has it. */
import { type Gpu } from '../device/gpu'
import { type WeightFile } from '../formats/weight-file'
import { type ModelConfig } from '../models/config'
import { BlockStream } from './block-stream'
import { Pace } from './pace'

/** By GGUF's name of each linear layer's weights: mean squares of its inputs, [cols]. Throws out_of_memory, cancelled. */
export async function measureImportance(
  gpu: Gpu,
  file: WeightFile,
  config: ModelConfig,
  windows: number[][],
  { signal, onLayer }: { signal?: AbortSignal; onLayer?: (layer: number) => void } = {},
): Promise<Map<string, Float32Array>> {
  const found = new Map<string, Float32Array>()
  const tokens = windows.reduce((sum, ids) => sum + ids.length, 0)
  const stream = await BlockStream.open(gpu, config, windows)
  const pace = new Pace(signal)
  try {
    await stream.embed(file, signal)
    for (let layer = 0; layer < config.layers; layer++) {
      onLayer?.(layer)
      await stream.run(file, layer, {
        advance: true,
        signal,
        listener: async (names, x, count) => {
          const cols = x.length / count
          const sums = found.get(names[0]) ?? new Float32Array(cols)
          for (let i = 0; i < x.length; i++) sums[i % cols] += (x[i] * x[i]) / tokens
          // Matrices that read the same share their sums.
          for (const name of names) found.set(name, sums)
          await pace.rest()
        },
      })
    }
    return found
  } finally {
    await stream.close()
  }
}
