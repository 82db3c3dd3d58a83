/** Bytes of keys and values, and what fits: bytes x 2 x layers x kvHeads x headDim x tokens x batch. */

export const attentionKinds = ['mha', 'gqa', 'mqa'] as const
type AttentionKind = (typeof attentionKinds)[number]

interface KvShape {
  layers: number
  heads: number
  kvHeads: number
  headDim: number
}

/** int8 keeps eight bytes of scale and minimum beside each head's numbers. */
export const kvTypes = ['f32', 'f16', 'int8'] as const
export type KvType = (typeof kvTypes)[number]
const headBytes = (type: KvType, headDim: number) => ({ f32: 4 * headDim, f16: 2 * headDim, int8: headDim + 8 })[type]

/** Heads that keys and values are kept of: every one, the model's groups, or a single one. */
export const headsOf = (kind: AttentionKind, { heads, kvHeads }: KvShape): number =>
  kind === 'mha' ? heads : kind === 'gqa' ? kvHeads : 1

export function kvBytesPerToken(shape: KvShape, kind: AttentionKind, type: KvType): number {
  return 2 * shape.layers * headsOf(kind, shape) * headBytes(type, shape.headDim)
}

/** Most tokens of one sequence, and most sequences of so many tokens, in the bytes that are left. */
export function whatFits(availableBytes: number, perToken: number, tokens: number, batch: number) {
  const all = Math.max(0, Math.floor(availableBytes / Math.max(1, perToken)))
  return { tokensEach: Math.floor(all / Math.max(1, batch)), sequences: Math.floor(all / Math.max(1, tokens)) }
}
