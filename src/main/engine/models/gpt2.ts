/** GPT-2 (Radford et al. 2019): layer norms, learned positions, one stacked projection; safetensors hold matrices transposed. */
import { Embedding } from '../layers/embedding'
import { loadLayerNorm } from '../layers/norm'
import { type WeightLoader } from '../layers/weight-loader'
import { type ModelConfig } from './config'
import { type Decoder, decoder, loadAttention, loadBlocks, loadEmbeddingAndHead, loadFeedForward } from './decoder'

export async function loadGpt2(w: WeightLoader, c: ModelConfig): Promise<Decoder> {
  const transposed = w.file.format === 'safetensors'
  const { tokens, head } = await loadEmbeddingAndHead(w, c)
  const norm = (name: string) => loadLayerNorm(w, name, c.hiddenDim, c.normEps)
  const positions = await w.matrices([{ name: 'position_embd.weight' }], c.hiddenDim)
  const blocks = await loadBlocks(c, async (prefix, layer) => ({
    attentionNorm: await norm(`${prefix}.attn_norm`),
    attention: await loadAttention(w, c, prefix, layer, {
      sources: [{ name: `${prefix}.attn_qkv.weight`, transposed }],
      outputTransposed: transposed,
    }),
    feedForwardNorm: await norm(`${prefix}.ffn_norm`),
    feedForward: await loadFeedForward(w, c, prefix, transposed),
  }))
  return decoder(w, c, {
    tokens,
    positions: new Embedding(positions),
    blocks,
    finalNorm: await norm('output_norm'),
    head,
  })
}
