/** Two embedding models over the same passages, and over a set with known relevant documents. */
import { hash } from 'node:crypto'
import { type ParsedInputOf } from '../../shared/contract'
import { type ModelDetail } from '../../shared/contract/models'
import { type compareEmbeddings, type EmbeddingComparison } from '../../shared/contract/quantize'
import { MoruError, throwIfCancelled } from '../../shared/errors'
import { cosines, type Embedder, quantiles, sharedNeighbours, type TextKind } from '../engine'
import { type ModelLibrary } from '../models'
import { contentOf } from '../rag/evaluate/beir'
import { type DenseSet, lineOf, passageCutter, rankDocuments, readDenseSet } from '../rag/evaluate/dense-set'
import { figuresOf, type Ranked, recall } from '../rag/evaluate/metrics'
import { readText } from '../text'
import { step } from '../trace'
import { type Pair, withEngine } from './open-models'
import { isQuantized } from './plan'

type Input = Omit<ParsedInputOf<typeof compareEmbeddings>, 'models'>
export type EmbeddingProgress = (stage: 'load' | 'embed' | 'retrieval', done: number, total: number) => void

/** Nearest passages that are looked at. */
const neighbours = 10
/** Passages that a model embeds before it is the other's turn. */
const portion = 16

/**
 * The first of the models is the original. Both live on a device of their own.
 * Throws not_found, invalid_file, invalid_input (no text, too few passages, other dimensions), unsupported, out_of_memory, cancelled.
 */
export async function compareEmbedders(
  library: Pick<ModelLibrary, 'get'>,
  models: [string, string],
  input: Input,
  onProgress: EmbeddingProgress,
  signal: AbortSignal,
): Promise<EmbeddingComparison> {
  const start = performance.now()
  const text = input.path === null ? null : await readText(input.path)
  const details: Pair<ModelDetail> = [await library.get(models[0]), await library.get(models[1])]
  return withEngine(async (engine) => {
    const pair = await step('load', {}, async (): Promise<Pair<Embedder>> => {
      onProgress('load', 0, 2)
      const first = await engine.loadEmbedder(details[0].path, { signal })
      onProgress('load', 1, 2)
      return [first, await engine.loadEmbedder(details[1].path, { signal })]
    })
    checkDimensions(pair)
    const set = input.set === null ? null : await readDenseSet(input.set, pair[0], signal)
    const passages = passagesOf(pair[0], text, set, input)
    const embedded = await step('encode', {}, () => embedTimed(pair, passages, onProgress, signal))
    const agreement = await agreementOf(embedded.vectors, signal)
    const retrieval = set && (await step('score', {}, () => compareRetrieval(pair, set, input, onProgress, signal)))
    return {
      models: [describe(details[0], pair[0]), describe(details[1], pair[1])],
      text: {
        path: input.path,
        sha256: text === null ? await contentOf(set!.corpus, signal) : hash('sha256', text),
        limit: input.passages,
      },
      passages: passages.length,
      ...agreement,
      tokensPerSecond: embedded.tokensPerSecond,
      retrieval,
      elapsedMs: performance.now() - start,
      firstIsQuantized: isQuantized(details[0].bitsPerWeight),
    }
  })
}

function describe(detail: ModelDetail, { loadMs }: Embedder): EmbeddingComparison['models'][number] {
  const { name, path, sizeBytes, bitsPerWeight, quantization } = detail
  return { name, path, sizeBytes, bitsPerWeight, quantization, loadMs }
}

function checkDimensions([a, b]: Pair<Embedder>): void {
  if (a.dim !== b.dim)
    throw new MoruError(
      'invalid_input',
      `The models’ embeddings have different dimensions (${a.dim} and ${b.dim}): they cannot be compared. Choose a model and one that was made of it.`,
    )
}

/** The first passages, each once. */
function passagesOf(
  embedder: Embedder,
  text: string | null,
  set: DenseSet | null,
  { passages, path }: Input,
): string[] {
  const found = new Set<string>()
  if (text !== null) {
    const cut = passageCutter(embedder)
    for (const line of text.split(/\r?\n/)) {
      if (line.trim() !== '') for (const passage of cut(lineOf(line.trim().normalize('NFC')))) found.add(passage)
      if (found.size >= passages) break
    }
  } else for (const passage of set?.passages ?? []) if (found.size < passages) found.add(passage.text)
  if (text === null && set === null)
    throw new MoruError('invalid_input', 'Give a text or a set of queries and documents to compare the models on.')
  if (found.size < 2)
    throw new MoruError(
      'invalid_input',
      `${path ?? set?.corpus} has ${found.size} passages, a line each; at least two are needed to compare. Choose a longer text.`,
    )
  return [...found].slice(0, passages)
}

interface Embedded {
  vectors: Pair<Float32Array[]>
  elapsedMs: Pair<number>
}

/** Batches take turns, so that whatever else the machine does hits both. Texts go by length, so that batches are full. */
async function embedInTurns(
  pair: Pair<Embedder>,
  texts: readonly string[],
  kind: TextKind,
  onDone: (done: number) => void,
  signal: AbortSignal,
): Promise<Embedded> {
  const order = texts.map((_, i) => i).sort((x, y) => texts[x].length - texts[y].length)
  const found: Embedded = { vectors: [new Array(texts.length), new Array(texts.length)], elapsedMs: [0, 0] }
  for (let at = 0; at < order.length; at += portion) {
    throwIfCancelled(signal)
    const own = order.slice(at, at + portion)
    const turns = (at / portion) % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)
    for (const i of turns) {
      const start = performance.now()
      const vectors = await pair[i].embed(
        own.map((n) => texts[n]),
        { kind, signal },
      )
      found.elapsedMs[i] += performance.now() - start
      own.forEach((n, v) => (found.vectors[i][n] = vectors[v]))
    }
    onDone(Math.min(texts.length, at + portion))
  }
  return found
}

async function embedTimed(
  pair: Pair<Embedder>,
  passages: string[],
  onProgress: EmbeddingProgress,
  signal: AbortSignal,
): Promise<Embedded & { tokensPerSecond: Pair<number> }> {
  onProgress('embed', 0, passages.length)
  // What is compiled for the first batch does not count.
  for (const embedder of pair) await embedder.embed(passages.slice(0, portion), { kind: 'passage', signal })
  const onDone = (done: number) => onProgress('embed', done, passages.length)
  const embedded = await embedInTurns(pair, passages, 'passage', onDone, signal)
  const tokens = (embedder: Embedder) => passages.reduce((sum, passage) => sum + embedder.countTokens(passage), 0)
  const rate = (i: 0 | 1) => (1000 * tokens(pair[i])) / embedded.elapsedMs[i]
  return { ...embedded, tokensPerSecond: [rate(0), rate(1)] }
}

async function agreementOf(
  [a, b]: Pair<Float32Array[]>,
  signal: AbortSignal,
): Promise<Pick<EmbeddingComparison, 'cosine' | 'cosineQuantiles' | 'neighbours'>> {
  const found = cosines(a, b)
  const wrong = found.findIndex(Number.isNaN)
  if (wrong >= 0) {
    const which = cosines([a[wrong]], [a[wrong]])[0] === 1 ? 'second' : 'first'
    throw new MoruError('unsupported', `The ${which} model’s embeddings are not numbers: its weights are damaged.`)
  }
  const [half, ninety, ninetyNine, all] = quantiles(found, [0.5, 0.1, 0.01, 0])
  return {
    cosine: found.reduce((sum, cosine) => sum + cosine, 0) / found.length,
    cosineQuantiles: [half, ninety, ninetyNine, all],
    neighbours: await sharedNeighbours(a, b, neighbours, signal),
  }
}

async function compareRetrieval(
  pair: Pair<Embedder>,
  set: DenseSet,
  input: Input,
  onProgress: EmbeddingProgress,
  signal: AbortSignal,
): Promise<NonNullable<EmbeddingComparison['retrieval']>> {
  const [texts, asked] = [set.passages.map((p) => p.text), set.queries.map((q) => q.query)]
  const total = texts.length + asked.length
  const done = (before: number) => (count: number) => onProgress('retrieval', before + count, total)
  const passages = await embedInTurns(pair, texts, 'passage', done(0), signal)
  const queries = await embedInTurns(pair, asked, 'query', done(texts.length), signal)
  const rank = (i: 0 | 1) => rankDocuments(set, queries.vectors[i], passages.vectors[i], signal)
  const rankings: Pair<Ranked[]> = [await rank(0), await rank(1)]
  const both = (figure: (ranked: Ranked[]) => number): Pair<number> => [figure(rankings[0]), figure(rankings[1])]
  return {
    path: input.set!,
    documents: set.documents,
    queries: set.queries.length,
    ndcgAt10: both((ranked) => figuresOf(ranked).ndcgAt10),
    recallAt10: both((ranked) => ranked.reduce((sum, one) => sum + recall(one, 10), 0) / ranked.length),
    hitAt1: both((ranked) => figuresOf(ranked).hitAt1),
  }
}
