/** One forward pass: a ragged batch of tokens, the buffers it works in, and the recorder it is written to. */
import { type Gpu } from '../device/gpu'
import { type KvType } from '../kernels/attention'
import { type Recorder } from '../kernels/recorder'
import { type KvCache } from './kv-cache'
import { type Linear } from './linear'

export type ActivationType = 'f32' | 'f16'

/** Tiles of query tokens for one attention dispatch, as attention.wgsl reads them, and what they cost. */
export interface AttentionTiles {
  buffer: GPUBuffer
  count: number
  queryTokens: number
  /** Heads of a group that a tile handles together. */
  headsPerTile: number
  /** Keys were split: partial results, to be joined by the step's `spans`. */
  partial: boolean
  /** Instead of the step's: layers with a window split fewer keys. */
  windowSpans?: GPUBuffer
  queryKeys: number
  readKeys: number
  tokens: number
  parts: number
}

/** Activations of up to `tokens` tokens; allocated once, used by every step. */
export interface Workspace {
  tokens: number
  /** Residual stream, f32. */
  hidden: GPUBuffer
  normed: GPUBuffer
  qkv: GPUBuffer
  attention: GPUBuffer
  feedForward: GPUBuffer
  activated: GPUBuffer
  /** f32 [tokens, hidden]: what is normalised before it is added. */
  branch: GPUBuffer
  /** Partial sums of split attention. */
  parts: GPUBuffer
  none: GPUBuffer
}

/** Inputs of one step on the GPU. */
export interface StepInputs {
  tokens: number
  ids: GPUBuffer
  positions: GPUBuffer
  /** Token types; read by encoders alone. */
  types: GPUBuffer
  slots: GPUBuffer
  tables: GPUBuffer
  /** Cosines and sines by rope: [tokens, ropeDim]. */
  angles: { global: GPUBuffer; local: GPUBuffer }
  /** Attention dispatches for layers that see everything and for layers with a sliding window. */
  tiles: { full: AttentionTiles[]; sliding: AttentionTiles[] }
  spans: GPUBuffer
}

/** One branch of a block: what it reads, and the f32 buffer it writes or adds to. */
export interface BranchCall {
  x: GPUBuffer
  y: GPUBuffer
  add: boolean
}

export interface Step extends StepInputs {
  gpu: Gpu
  recorder: Recorder
  workspace: Workspace
  cache: Pick<KvCache, 'keys' | 'values'>
  activations: ActivationType
  kvType: KvType
  /** Hears of every linear layer before it is recorded: what reads `x` then reads the layer's inputs. */
  tap?: (linear: Linear, x: GPUBuffer, tokens: number) => void
}
