/** A BEIR folder in memory, for models whose vectors are compared: no collection, no index, nothing kept. */
import { collectionSettings } from '../../../shared/contract/knowledge'
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { dot, type Embedder, unit } from '../../engine'
import { type Block, chunkDocument, type ParsedDocument } from '../documents'
import { chunkTokens } from '../indexing/index-collection'
import { beirFiles, corpusOf, type EvaluatedQuery, queriesOf } from './beir'
import { parsedOf } from './beir-collection'
import { type Ranked } from './metrics'

export interface DenseSet {
  /** Path of corpus.jsonl. */
  corpus: string
  documents: number
  queries: EvaluatedQuery[]
  /** Cut as a collection cuts them. */
  passages: { document: string; text: string }[]
}

/** Cuts texts as a collection of this model's would with its settings untouched. */
export function passageCutter(
  embedder: Embedder,
): (parsed: Pick<ParsedDocument, 'text' | 'blocks' | 'type'>) => string[] {
  const settings = collectionSettings.parse({})
  const maxTokens = chunkTokens(settings, { embedder })
  const options = {
    maxTokens,
    overlap: Math.min(settings.chunkOverlap, Math.floor(maxTokens / 2)),
    countTokens: (text: string) => embedder.countTokens(text),
  }
  return (parsed) => chunkDocument(parsed, options).map((chunk) => chunk.text)
}

/** @throws not_found, invalid_file with the line that is wrong, cancelled */
export async function readDenseSet(folder: string, embedder: Embedder, signal: AbortSignal): Promise<DenseSet> {
  const files = await beirFiles(folder)
  const queries = await queriesOf(files, signal)
  if (queries.length === 0)
    throw new MoruError('invalid_file', `${files.qrels} names no relevant document of a query in queries.jsonl.`)
  const cut = passageCutter(embedder)
  const set: DenseSet = { corpus: files.corpus, documents: 0, queries, passages: [] }
  for await (const document of corpusOf(files.corpus, signal)) {
    if (document.id === '') continue
    set.documents++
    for (const text of cut(parsedOf(document))) set.passages.push({ document: document.id, text })
    if (set.documents % 64 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  if (set.passages.length === 0) throw new MoruError('invalid_file', `${files.corpus} holds no documents.`)
  return set
}

/** Documents kept of each ranking. */
const depth = 100

/**
 * Documents by their best passage, by cosine.
 * @param queries a vector a query of the set. @param passages a vector a passage. @throws cancelled
 */
export async function rankDocuments(
  set: DenseSet,
  queries: readonly Float32Array[],
  passages: readonly Float32Array[],
  signal: AbortSignal,
): Promise<Ranked[]> {
  const units = passages.map(unit)
  const rankings: Ranked[] = []
  for (const [q, { grades }] of set.queries.entries()) {
    await new Promise((resolve) => setImmediate(resolve))
    throwIfCancelled(signal)
    const query = unit(queries[q])
    const best = new Map<string, number>()
    set.passages.forEach(({ document }, p) => {
      const score = dot(query, units[p])
      if (score > (best.get(document) ?? -Infinity)) best.set(document, score)
    })
    const ranking = [...best].sort((a, b) => b[1] - a[1]).slice(0, depth)
    rankings.push({ ranking: ranking.map(([document]) => document), grades })
  }
  return rankings
}

/** A line of plain text as the parser gives it. */
export function lineOf(text: string): { text: string; blocks: Block[]; type: 'text' } {
  return { text, blocks: [{ kind: 'paragraph', start: 0, end: text.length, page: null }], type: 'text' }
}
