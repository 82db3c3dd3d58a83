/** Gemma 3 (arXiv 2503.19786): norms before and after each branch and over heads, scaled embeddings, local and global layers. */
import { loadRmsNorm } from '../layers/norm'
import { type WeightLoader } from '../layers/weight-loader'
import { type ModelConfig } from './config'
import { type DecoderLoader, loadAttention, loadEmbeddingAndHead, loadGatedFeedForward } from './decoder'

export function gemma3(w: WeightLoader, c: ModelConfig): DecoderLoader {
  // The model multiplies by 1 + w; GGUF files hold 1 + w already.
  const plus = w.file.format === 'gguf' ? 0 : 1
  const norm = (name: string) => loadRmsNorm(w, name, c.hiddenDim, c.normEps, plus)
  return {
    ends: async () => ({
      ...(await loadEmbeddingAndHead(w, c, Math.sqrt(c.hiddenDim))),
      finalNorm: await norm('output_norm'),
    }),
    block: async (prefix, layer) => ({
      attentionNorm: await norm(`${prefix}.attn_norm`),
      attention: await loadAttention(w, c, prefix, layer, { headNorms: { plus } }),
      postAttentionNorm: await norm(`${prefix}.post_attention_norm`),
      feedForwardNorm: await norm(`${prefix}.ffn_norm`),
      feedForward: await loadGatedFeedForward(w, c, prefix),
      postFeedForwardNorm: await norm(`${prefix}.post_ffw_norm`),
    }),
  }
}
