/**
 * Llama (Touvron et al., arXiv 2302.13971) and its kin, which differ by biases and norms over heads alone: Mistral (sliding window,
 * arXiv 2310.06825), Qwen2 (biases, arXiv 2407.10671), Qwen3 (head norms, arXiv 2505.09388).
 */
import { loadRmsNorm } from '../layers/norm'
import { type RowSource } from '../layers/rows'
import { type WeightLoader } from '../layers/weight-loader'
import { type ModelConfig } from './config'
import { type DecoderLoader, loadAttention, loadEmbeddingAndHead, loadGatedFeedForward } from './decoder'
import { interleavedInGguf, splitHalves } from './row-order'

export function llama(w: WeightLoader, c: ModelConfig): DecoderLoader {
  const norm = (name: string) => loadRmsNorm(w, name, c.hiddenDim, c.normEps)
  return {
    ends: async () => ({ ...(await loadEmbeddingAndHead(w, c)), finalNorm: await norm('output_norm') }),
    block: async (prefix, layer) => ({
      attentionNorm: await norm(`${prefix}.attn_norm`),
      attention: await loadAttention(w, c, prefix, layer, {
        sources: projections(w, c, prefix),
        headNorms: w.has(`${prefix}.attn_q_norm.weight`) ? { plus: 0 } : undefined,
      }),
      feedForwardNorm: await norm(`${prefix}.ffn_norm`),
      feedForward: await loadGatedFeedForward(w, c, prefix),
    }),
  }
}

/** Queries and keys in the order of split halves. */
function projections(w: WeightLoader, c: ModelConfig, prefix: string): RowSource[] {
  const order = w.file.format === 'gguf' && interleavedInGguf(c) ? splitHalves(c.headDim) : undefined
  return [
    { name: `${prefix}.attn_q.weight`, order },
    { name: `${prefix}.attn_k.weight`, order },
    { name: `${prefix}.attn_v.weight` },
  ]
}
