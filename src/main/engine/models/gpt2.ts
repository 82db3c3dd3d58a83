/** GPT-2 (Radford et al. 2019): layer norms, learned positions, one stacked projection; safetensors hold matrices transposed. */
import { Embedding } from '../layers/embedding'
import { loadLayerNorm } from '../layers/norm'
import { type WeightLoader } from '../layers/weight-loader'
import { type ModelConfig } from './config'
import { type DecoderLoader, loadAttention, loadEmbeddingAndHead, loadFeedForward } from './decoder'

export function gpt2(w: WeightLoader, c: ModelConfig): DecoderLoader {
  const transposed = w.file.format === 'safetensors'
  const norm = (name: string) => loadLayerNorm(w, name, c.hiddenDim, c.normEps)
  return {
    ends: async () => ({
      ...(await loadEmbeddingAndHead(w, c)),
      positions: new Embedding(
        await w.matrices([{ name: 'position_embd.weight', fileRows: c.contextLength }], c.hiddenDim),
      ),
      finalNorm: await norm('output_norm'),
    }),
    block: async (prefix, layer) => ({
      attentionNorm: await norm(`${prefix}.attn_norm`),
      attention: await loadAttention(w, c, prefix, layer, {
        sources: [{ name: `${prefix}.attn_qkv.weight`, transposed }],
        outputTransposed: transposed,
      }),
      feedForwardNorm: await norm(`${prefix}.ffn_norm`),
      feedForward: await loadFeedForward(w, c, prefix, transposed),
    }),
  }
}
