/** Self-attention over the paged cache: projections, positions, flash attention, output. */
import { attention, attentionCombine, ropeStore } from '../kernels/attention'
import { type Linear } from './linear'
import { type BranchCall, type Step } from './step'
import { type WeightLoader } from './weight-loader'

export interface AttentionConfig {
  layer: number
  heads: number
  kvHeads: number
  headDim: number
  /** Divides the scores. */
  scale: number
  /** Rotated dimensions; 0: no rotary positions. */
  ropeDim: number
  rope: 'global' | 'local'
  /** Tokens a query sees, itself included; 0: all. */
  window: number
  eps: number
  /** [heads] of ALiBi, or null. */
  slopes: GPUBuffer | null
  /** Weights of the norms over each head, or null. */
  headNorms: { query: GPUBuffer; key: GPUBuffer } | null
}

/** ALiBi slopes, also for head counts that are not powers of two (arXiv 2108.12409 and its reference code). */
export function alibiSlopes(heads: number): number[] {
  const geometric = (n: number) => Array.from({ length: n }, (_, i) => 2 ** ((-8 * (i + 1)) / n))
  const floor = 2 ** Math.floor(Math.log2(heads))
  if (floor === heads) return geometric(heads)
  const between = geometric(2 * floor).filter((_, i) => i % 2 === 0)
  return [...geometric(floor), ...between.slice(0, heads - floor)]
}

export class SelfAttention {
  private readonly qkv: Linear
  private readonly output: Linear
  private readonly config: AttentionConfig
  private readonly none: GPUBuffer

  constructor(w: WeightLoader, qkv: Linear, output: Linear, config: AttentionConfig) {
    this.qkv = qkv
    this.output = output
    this.config = config
    this.none = w.buffers.none
  }

  /** Reads the activations `x`; writes, or adds, to `y` (f32). */
  run(step: Step, { x, y, add }: BranchCall): void {
    const { workspace, tokens, activations } = step
    this.qkv.run(step, { x, y: workspace.qkv, tokens, input: activations, output: activations })
    this.store(step)
    this.attend(step)
    this.output.run(step, { x: workspace.attention, y, tokens, input: activations, output: 'f32', add })
  }

  private store(step: Step): void {
    const { layer, heads, kvHeads, headDim, ropeDim, rope, scale, eps, headNorms } = this.config
    step.recorder.run(
      ropeStore[step.kvType],
      {
        IN: step.activations,
        HEAD_DIM: headDim,
        HEADS: heads,
        KV_HEADS: kvHeads,
        NORM: headNorms !== null,
        ROPE: ropeDim > 0,
      },
      {
        angles: ropeDim > 0 ? step.angles[rope] : this.none,
        slots: step.slots,
        qNorm: headNorms?.query ?? this.none,
        kNorm: headNorms?.key ?? this.none,
        qkv: step.workspace.qkv,
        keys: step.cache.keys[layer],
        values: step.cache.values[layer],
      },
      { tokens: step.tokens, rope_dim: ropeDim, query_scale: 1 / scale, eps },
    )
  }

  private attend(step: Step): void {
    const { layer, heads, kvHeads, headDim, window, slopes } = this.config
    const { workspace } = step
    for (const tiles of window > 0 ? step.tiles.sliding : step.tiles.full) {
      step.recorder.run(
        attention[step.kvType],
        {
          IN: step.activations,
          OUT: tiles.partial ? 'f32' : step.activations,
          HEAD_DIM: headDim,
          HEADS: heads,
          KV_HEADS: kvHeads,
          QUERY_TOKENS: tiles.queryTokens,
          HEADS_PER_TILE: tiles.headsPerTile,
          ALIBI: slopes !== null,
          PARTIAL: tiles.partial,
        },
        {
          qkv: workspace.qkv,
          keys: step.cache.keys[layer],
          values: step.cache.values[layer],
          tables: step.tables,
          tiles: tiles.buffer,
          slopes: slopes ?? this.none,
          out: tiles.partial ? workspace.parts : workspace.attention,
        },
        { window, tiles: tiles.count, queryKeys: tiles.queryKeys, readKeys: tiles.readKeys, tokens: tiles.tokens },
      )
      if (tiles.partial)
        step.recorder.run(
          attentionCombine,
          { OUT: step.activations, HEAD_DIM: headDim, HEADS: heads },
          { parts: workspace.parts, spans: tiles.windowSpans ?? step.spans, out: workspace.attention },
          { tokens: tiles.tokens, parts: tiles.parts },
        )
    }
  }
}
