/** OPT (Zhang et al., arXiv 2205.01068): layer norms, learned positions, ReLU. */
import { Embedding } from '../layers/embedding'
import { loadLayerNorm } from '../layers/norm'
import { type WeightLoader } from '../layers/weight-loader'
import { type ModelConfig } from './config'
import { type Decoder, decoder, loadAttention, loadBlocks, loadEmbeddingAndHead, loadFeedForward } from './decoder'

/** The table's first rows were kept for padding. */
const positionOffset = 2

export async function loadOpt(w: WeightLoader, c: ModelConfig): Promise<Decoder> {
  const { tokens, head } = await loadEmbeddingAndHead(w, c)
  const norm = (name: string) => loadLayerNorm(w, name, c.hiddenDim, c.normEps)
  const rows = w.info('position_embd.weight').shape[0] - positionOffset
  const positions = await w.matrices(
    [{ name: 'position_embd.weight', rows, order: (row) => row + positionOffset }],
    c.hiddenDim,
  )
  const blocks = await loadBlocks(c, async (prefix, layer) => ({
    attentionNorm: await norm(`${prefix}.attn_norm`),
    attention: await loadAttention(w, c, prefix, layer),
    feedForwardNorm: await norm(`${prefix}.ffn_norm`),
    feedForward: await loadFeedForward(w, c, prefix),
  }))
  return decoder(w, c, {
    tokens,
    positions: new Embedding(positions),
    blocks,
    finalNorm: await norm('output_norm'),
    head,
  })
}
