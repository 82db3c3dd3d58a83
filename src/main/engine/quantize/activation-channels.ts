/** Magnitudes of what linear layers read on a text, channel by channel, block by block. */
import { throwIfCancelled } from '../../../shared/errors'
import { type Gpu } from '../device/gpu'
import { type WeightFile } from '../formats/weight-file'
import { type ModelConfig } from '../models/config'
import { BlockStream } from './block-stream'

/** Of the inputs that the matrices `names` read. */
export interface ChannelMagnitudes {
  /** Canonical names. */
  names: readonly string[]
  tokens: number
  meanAbs: number
  maxAbs: Float32Array
  /** Tokens in which a channel passes the threshold. */
  beyond: Uint32Array
}

/** Hands out each block's inputs when it is done. Throws what running a block throws, cancelled. */
export async function activationChannels(
  gpu: Gpu,
  file: WeightFile,
  config: ModelConfig,
  options: {
    windows: number[][]
    threshold: number
    onBlock: (layer: number, inputs: ChannelMagnitudes[]) => void
    signal?: AbortSignal
  },
): Promise<void> {
  const { windows, threshold, onBlock, signal } = options
  const stream = await BlockStream.open(gpu, config, windows)
  try {
    await stream.embed(file, signal)
    for (let layer = 0; layer < config.layers; layer++) {
      throwIfCancelled(signal)
      const found = new Map<string, ChannelMagnitudes & { sum: number }>()
      await stream.run(file, layer, {
        advance: true,
        signal,
        listener: (names, x, tokens) => {
          const key = names.join()
          const channels = x.length / tokens
          const own = found.get(key) ?? { names, tokens: 0, meanAbs: 0, sum: 0, maxAbs: new Float32Array(channels), beyond: new Uint32Array(channels) } // prettier-ignore
          found.set(key, own)
          own.tokens += tokens
          for (let i = 0; i < x.length; i++) {
            const [magnitude, channel] = [Math.abs(x[i]), i % channels]
            own.sum += magnitude
            if (magnitude > own.maxAbs[channel]) own.maxAbs[channel] = magnitude
            if (magnitude > threshold) own.beyond[channel]++
          }
          return Promise.resolve()
        },
      })
      onBlock(layer, [...found.values()].map(({ sum, ...own }) => ({ ...own, meanAbs: sum / (own.tokens * own.maxAbs.length) }))) // prettier-ignore
    }
  } finally {
    await stream.close()
  }
}
