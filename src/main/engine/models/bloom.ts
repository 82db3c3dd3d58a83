/** BLOOM (arXiv 2211.05100): ALiBi positions, a norm on the embeddings, projections stacked head by head in safetensors. */
import { loadLayerNorm } from '../layers/norm'
import { type RowSource } from '../layers/rows'
import { type WeightLoader } from '../layers/weight-loader'
import { type ModelConfig } from './config'
import { type DecoderLoader, loadAttention, loadEmbeddingAndHead, loadFeedForward } from './decoder'
import { byPart } from './row-order'

export function bloom(w: WeightLoader, c: ModelConfig): DecoderLoader {
  const norm = (name: string) => loadLayerNorm(w, name, c.hiddenDim, c.normEps)
  return {
    ends: async () => ({
      ...(await loadEmbeddingAndHead(w, c)),
      embeddingNorm: await norm('token_embd_norm'),
      finalNorm: await norm('output_norm'),
    }),
    block: async (prefix, layer) => ({
      attentionNorm: await norm(`${prefix}.attn_norm`),
      attention: await loadAttention(w, c, prefix, layer, { sources: [projection(w, c, prefix)], alibi: true }),
      feedForwardNorm: await norm(`${prefix}.ffn_norm`),
      feedForward: await loadFeedForward(w, c, prefix),
    }),
  }
}

/** Rows [q, k, v][head][headDim]; GGUF files are in that order already. */
function projection(w: WeightLoader, c: ModelConfig, prefix: string): RowSource {
  const name = `${prefix}.attn_qkv.weight`
  return w.file.format === 'gguf' ? { name } : { name, order: byPart(c) }
}
