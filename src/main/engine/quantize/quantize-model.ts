/** A recipe over a whole model, block by block; what each block came to is handed out as soon as it is known. */
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { type Gpu } from '../device/gpu'
import { type QuantizedMatrix } from '../formats/quantized-matrix'
import { type WeightFile } from '../formats/weight-file'
import { type ModelConfig } from '../models/config'
import { BlockStream } from './block-stream'
import { InputSums, type InputMoments } from './layer-inputs'
import { linearMatrices, type LinearRole } from './model-matrices'
import { OverlayFile } from './overlay-file'
import { Pace } from './pace'
import { type BlockOptions, type BlockOutcome, quantizeBlock } from './quantize-block'
import { isInBlocks, valuesOf } from './rounded-matrix'

export interface CalibrationWindows {
  /** Token ids that the method sees; empty where it sees none. */
  seen: number[][]
  /** Token ids that errors are measured on; empty: on those seen. */
  heldOut: number[][]
}

/** Where a run stands after a block: enough to go on from. */
export interface RunState {
  /** Blocks done. */
  layers: number
  /** Hidden states before the next one, by window. */
  hidden: Float32Array<ArrayBuffer>[]
}

export interface QuantizeRunOptions extends BlockOptions {
  windows: CalibrationWindows
  /** Inputs are those that the blocks quantized before give; else the original's. */
  follow: boolean
  /** Where an earlier run was stopped. */
  resume?: RunState
  /** Hears of each block when it is done, and is waited for: what it has stored then, a later run need not do again. */
  onBlock: (layer: number, outcome: BlockOutcome, state: RunState) => Promise<void>
  signal?: AbortSignal
}

/**
 * Quantizes the matrices of every block. Throws what quantizeBlock throws, out_of_memory, cancelled.
 */
export async function quantizeBlocks(
  gpu: Gpu,
  file: WeightFile,
  config: ModelConfig,
  options: QuantizeRunOptions,
): Promise<void> {
  const { windows, resume, signal } = options
  const all = [...windows.seen, ...windows.heldOut]
  if (all.length === 0) throw new MoruError('invalid_input', 'No text was given to measure the matrices’ errors on.')
  const stream = await BlockStream.open(gpu, config, all, windows.seen.length)
  try {
    if (resume) stream.hidden = resume.hidden
    else await stream.embed(file, signal)
    for (let layer = resume?.layers ?? 0; layer < config.layers; layer++) {
      throwIfCancelled(signal)
      const outcome = await quantizeOne(stream, file, layer, options)
      await options.onBlock(layer, outcome, { layers: layer + 1, hidden: stream.hidden })
    }
  } finally {
    await stream.close()
  }
}

type Kind = 'seen' | 'heldOut'

async function quantizeOne(
  stream: BlockStream,
  file: WeightFile,
  layer: number,
  options: QuantizeRunOptions,
): Promise<BlockOutcome> {
  const { gpu, recorder, config } = stream
  const { windows, signal } = options
  const matrices = linearMatrices(file, config).filter((m) => m.layer === layer)
  const moments = await inputsOf(stream, file, layer, { windows, advance: !options.follow, signal })
  const outcome = await quantizeBlock({
    gpu,
    recorder,
    file,
    config,
    layer,
    matrices,
    options,
    calibration: (role) => moments.seen.get(role) ?? null,
    heldOut: (role) => moments.heldOut.get(role) ?? null,
    pace: new Pace(signal),
  })
  if (options.follow) await stream.run(overlaid(file, outcome), layer, { advance: true, signal })
  return outcome
}

/** The file with a block as it is now. */
function overlaid(file: WeightFile, { matrices, vectors }: BlockOutcome): OverlayFile {
  const replaced = new Map<string, Float32Array | QuantizedMatrix>(vectors)
  for (const { matrix, quantized } of matrices)
    replaced.set(matrix.name, isInBlocks(quantized) ? valuesOf(quantized) : quantized)
  return new OverlayFile(file, replaced)
}

/** What the matrices of a block read, in windows that the method sees and in those kept from it. `advance`: as BlockStream's. */
export async function inputsOf(
  stream: BlockStream,
  file: WeightFile,
  layer: number,
  { windows: { seen }, advance, signal }: { windows: CalibrationWindows; advance: boolean; signal?: AbortSignal },
): Promise<Record<Kind, Map<LinearRole, InputMoments>>> {
  const sums = new Map<string, { kind: Kind; names: readonly string[]; sum: InputSums }>()
  const found: Record<Kind, Map<LinearRole, InputMoments>> = { seen: new Map(), heldOut: new Map() }
  try {
    await stream.run(file, layer, {
      advance,
      signal,
      listener: async (names, x, tokens, window) => {
        const kind = window < seen.length ? 'seen' : 'heldOut'
        const key = [kind, ...names].join()
        let own = sums.get(key)
        if (!own) {
          const sum = await InputSums.open(stream.gpu, stream.recorder, x.length / tokens, stream.stepTokens)
          sums.set(key, (own = { kind, names, sum }))
        }
        own.sum.add(x, tokens)
      },
    })
    for (const { kind, names, sum } of sums.values()) {
      const moments = await sum.moments()
      for (const name of names) found[kind].set(roleOf(name), moments)
    }
    return found
  } finally {
    for (const { sum } of sums.values()) sum.release()
  }
}

/** 'attn_q' of 'blk.3.attn_q.weight'. */
const roleOf = (canonical: string): LinearRole => canonical.split('.')[2] as LinearRole
