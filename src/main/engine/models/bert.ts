/**
 * BERT (Devlin et al., arXiv 1810.04805), RoBERTa (arXiv 1907.11692) and XLM-RoBERTa (arXiv 1911.02116), which differ in where
 * positions begin and in the head of their classifiers.
 */
import { elementsOf } from '../formats/weight-file'
import { dequantize } from '../quant/blocks/dequantize'
import { Embedding } from '../layers/embedding'
import { Linear } from '../layers/linear'
import { loadLayerNorm } from '../layers/norm'
import { type WeightLoader } from '../layers/weight-loader'
import { type ModelConfig } from './config'
import { loadAttention, loadFeedForward } from './decoder'
import { type EncoderLoader, type RankingHead } from './encoder'

export function bert(w: WeightLoader, c: ModelConfig): EncoderLoader {
  const norm = (name: string) => loadLayerNorm(w, name, c.hiddenDim, c.normEps)
  return {
    embedding: async () => ({
      tokens: new Embedding(await w.matrices([{ name: 'token_embd.weight' }], c.hiddenDim)),
      positions: new Embedding(await loadPositions(w, c)),
      types: new Embedding(await w.matrices([{ name: 'token_types.weight' }], c.hiddenDim)),
      norm: await norm('token_embd_norm'),
    }),
    block: async (prefix, layer) => ({
      attention: await loadAttention(w, c, prefix, layer),
      attentionNorm: await norm(`${prefix}.attn_output_norm`),
      feedForward: await loadFeedForward(w, c, prefix),
      feedForwardNorm: await norm(`${prefix}.layer_output_norm`),
    }),
    head: () => loadHead(w, c),
  }
}

/** RoBERTa's table begins with rows that were kept for padding; a context of n tokens uses the last n rows. */
function loadPositions(w: WeightLoader, c: ModelConfig) {
  const offset = w.info('position_embd.weight').shape[0] - c.contextLength
  return w.matrices(
    [{ name: 'position_embd.weight', rows: c.contextLength, order: (row) => row + offset }],
    c.hiddenDim,
  )
}

async function loadHead(w: WeightLoader, c: ModelConfig): Promise<RankingHead | null> {
  const output = ['cls.output.weight', 'cls.out_proj.weight', 'cls.weight'].find((name) => w.has(name))
  if (!output || w.info(output).shape[0] !== 1) return null
  const dense = w.has('cls.dense.weight') ? await Linear.load(w, [{ name: 'cls.dense.weight' }], c.hiddenDim) : null
  const bias = output.replace('.weight', '.bias')
  return { dense, weights: await floats(w, output), bias: w.has(bias) ? (await floats(w, bias))[0] : 0 }
}

async function floats(w: WeightLoader, name: string): Promise<Float32Array> {
  const { type, shape } = w.info(name)
  return dequantize(type, await w.bytes(name), elementsOf(shape)).slice()
}
