/** The embedding model that is loaded, as indexing and search see it: from text to vector. */
import { type ModelDetail } from '../../shared/contract/models'
import { type Embedder } from '../engine'
import { type Benchmark } from './benchmark'
import { type ModelCost, passWork } from './roofline'

/** Tokens of the passages, special ones included: 190 in the mean, and no two alike, as chunks are. */
const passageTokens = Array.from({ length: 16 }, (_, i) => 152 + 5 * i + (i >= 8 ? 1 : 0))
const queryTokens = 12
/** Queries a measurement: a single one is over before a clock can be trusted. */
const queriesTimed = 8

const words = (
  'the harbour office keeps a list of every vessel that was repaired in the town since the old yard had burned down and each entry ' +
  'names its owner the wood that was taken for planks and masts how long the work went on what it cost and who paid for it'
).split(' ')

export function embedBenchmarks(embedder: Embedder, detail: ModelDetail): Benchmark[] {
  const passages = passageTokens.map((tokens, i) => textOf(embedder, tokens, i * 7))
  const query = textOf(embedder, queryTokens, 3)
  const timed = async (texts: string[], kind: 'query' | 'passage', signal: AbortSignal) => {
    const start = performance.now()
    await embedder.embed(texts, { kind, signal })
    return performance.now() - start
  }
  return [
    {
      name: 'embed_passages',
      unit: 'passages/s',
      amount: passages.length,
      work: embeddingWork(detail, passages.map((passage) => tokensOf(embedder, passage))), // prettier-ignore
      measure: async (signal) => (passages.length * 1000) / (await timed(passages, 'passage', signal)),
    },
    {
      name: 'embed_query',
      unit: 'ms',
      amount: 1,
      work: embeddingWork(detail, [tokensOf(embedder, query)]),
      measure: async (signal) => {
        let total = 0
        for (let i = 0; i < queriesTimed; i++) total += await timed([query], 'query', signal)
        return total / queriesTimed
      },
    },
  ]
}

const tokensOf = (embedder: Embedder, text: string): number =>
  Math.min(embedder.maxTokens, embedder.countTokens(text) + embedder.specialTokens)

/** As many words as so many tokens hold, from the `first` on, over and over. */
function textOf(embedder: Embedder, tokens: number, first: number): string {
  const text: string[] = []
  let count = embedder.specialTokens
  for (let i = first; count < tokens; i++) {
    const word = words[i % words.length]
    text.push(word)
    count += Math.max(1, embedder.countTokens(` ${word}`))
  }
  return text.join(' ')
}

const ofLayer = /(^|\.)(layer|blk)\.\d+\./

/** Matrices of the layers, read once, and attention between all tokens of a text. Tables of embeddings are looked up, not multiplied. */
export function embeddingWork(detail: ModelDetail, lengths: readonly number[]) {
  const matrices = detail.tensors.filter(({ name, shape }) => shape.length > 1 && ofLayer.test(name))
  const cost: ModelCost = {
    body: {
      weights: matrices.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
      bytes: matrices.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    },
    head: { weights: 0, bytes: 0 },
    kvBytesPerToken: 0,
    attention: 2 * detail.layers * detail.heads * detail.headDim,
  }
  const tokens = lengths.reduce((sum, n) => sum + n, 0)
  return passWork(cost, { tokens, logits: 0, pairs: lengths.reduce((sum, n) => sum + n * n, 0), cached: 0 })
}
