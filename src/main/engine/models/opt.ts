/** OPT (Zhang et al., arXiv 2205.01068): layer norms, learned positions, ReLU. */
import { Embedding } from '../layers/embedding'
import { loadLayerNorm } from '../layers/norm'
import { type WeightLoader } from '../layers/weight-loader'
import { type ModelConfig } from './config'
import { type DecoderLoader, loadAttention, loadEmbeddingAndHead, loadFeedForward } from './decoder'

/** The table's first rows were kept for padding. */
const positionOffset = 2

export function opt(w: WeightLoader, c: ModelConfig): DecoderLoader {
  const norm = (name: string) => loadLayerNorm(w, name, c.hiddenDim, c.normEps)
  return {
    ends: async () => ({
      ...(await loadEmbeddingAndHead(w, c)),
      positions: new Embedding(await loadPositions(w, c)),
      finalNorm: await norm('output_norm'),
    }),
    block: async (prefix, layer) => ({
      attentionNorm: await norm(`${prefix}.attn_norm`),
      attention: await loadAttention(w, c, prefix, layer),
      feedForwardNorm: await norm(`${prefix}.ffn_norm`),
      feedForward: await loadFeedForward(w, c, prefix),
    }),
  }
}

function loadPositions(w: WeightLoader, c: ModelConfig) {
  const name = 'position_embd.weight'
  const rows = c.contextLength
  const source = { name, rows, fileRows: rows + positionOffset, order: (row: number) => row + positionOffset }
  return w.matrices([source], c.hiddenDim)
}
