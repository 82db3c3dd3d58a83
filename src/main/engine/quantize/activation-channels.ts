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
      const found = new Map<string, Sums>()
      await stream.run(file, layer, {
        advance: true,
        signal,
        listener: (names, x, tokens) => {
          const key = names.join()
          const own = found.get(key) ?? emptySums(names, x.length / tokens)
          found.set(key, own)
          add(own, x, tokens, threshold)
          return Promise.resolve()
        },
      })
      onBlock(layer, [...found.values()].map(magnitudesOf))
    }
  } finally {
    await stream.close()
  }
}

type Sums = Omit<ChannelMagnitudes, 'meanAbs'> & { sumAbs: number }

const emptySums = (names: readonly string[], channels: number): Sums => ({
  names,
  tokens: 0,
  sumAbs: 0,
  maxAbs: new Float32Array(channels),
  beyond: new Uint32Array(channels),
})

function add(sums: Sums, x: Float32Array, tokens: number, threshold: number): void {
  const { maxAbs, beyond } = sums
  sums.tokens += tokens
  for (let at = 0; at < x.length; at += maxAbs.length)
    for (let c = 0; c < maxAbs.length; c++) {
      const magnitude = Math.abs(x[at + c])
      sums.sumAbs += magnitude
      if (magnitude > maxAbs[c]) maxAbs[c] = magnitude
      if (magnitude > threshold) beyond[c]++
    }
}

function magnitudesOf({ sumAbs, ...own }: Sums): ChannelMagnitudes {
  return { ...own, meanAbs: sumAbs / (own.tokens * own.maxAbs.length) }
}
