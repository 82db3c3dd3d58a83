/** Collections, documents and hits, as a host would answer them. */
import { type EventOf, type OutputOf } from '../../../src/shared/contract'
import {
  type Collection,
  collectionSettings,
  type Document,
  type evaluateRetrieval,
  type Hit,
  type SearchMode,
  type searchRun,
} from '../../../src/shared/contract/knowledge'
import { type MessageSources } from '../../../src/shared/contract/chat'
import { began } from './samples'

export function aCollection(change: Partial<Collection> = {}): Collection {
  return {
    id: 'k1',
    name: 'Workshop',
    settings: collectionSettings.parse({}),
    roots: [],
    documents: 2,
    chunks: 3,
    sizeBytes: 4_321,
    version: 4,
    dim: 384,
    vectorIndex: { kind: 'exact', recallAt10: null },
    separation: [
      { language: 'en', passages: 120, hitAt1: 0.94, denseWeight: 1, warning: null },
      { language: 'ko', passages: 80, hitAt1: 0.09, denseWeight: 0, warning: 'The model does not know Korean.' },
    ],
    pendingChunks: 0,
    createdAt: began,
    updatedAt: began,
    ...change,
  }
}

export function aDocument(change: Partial<Document> = {}): Document {
  return {
    id: 'd1',
    collectionId: 'k1',
    path: '/home/a/docs/anvils.md',
    title: 'Anvils',
    type: 'markdown',
    language: 'en',
    sizeBytes: 2_345,
    chunks: 2,
    state: 'indexed',
    reason: null,
    warning: null,
    changedAt: began,
    indexedAt: began,
    ...change,
  }
}

/** What documents.get answers for d1; its second passage is the second chunk. */
export const anvilText =
  '# Anvils\n\nThe first anvils were made of stone.\n\n## Sizes\n\nThe anvil of Kyoto weighs 212 kilograms.\n'
const second = anvilText.indexOf('The anvil of Kyoto')

export function aHit(change: Partial<Hit> = {}): Hit {
  return {
    documentId: 'd1',
    path: '/home/a/docs/anvils.md',
    title: 'Anvils',
    chunkId: '2',
    text: 'The anvil of Kyoto weighs 212 kilograms.',
    place: { start: second, end: second + 40, page: 3, headings: ['Anvils', 'Sizes'] },
    score: 0.0325,
    ranks: { dense: 1, bm25: 2, rerank: null },
    scores: { dense: 0.71, bm25: 4.2, fused: 0.0325, rerank: null },
    highlights: [{ start: 4, end: 9 }],
    ...change,
  }
}

/** Of 'An anvil is a block of iron [1].' */
export function aSources(change: Partial<MessageSources> = {}): MessageSources {
  const { documentId, chunkId, path, title, place } = aHit()
  return {
    question: 'What is an anvil?',
    passages: [aHit(), aHit({ chunkId: '1', text: 'The first anvils were made of stone.', title: 'Anvils, part one' })],
    leftOut: 2,
    answered: true,
    citations: [{ marker: 1, documentId, chunkId, path, title, place }],
    unsupported: [],
    cache: { kind: 'miss', question: null, distance: null, savedMs: null },
    retrieveMs: 14,
    totalMs: 900,
    ...change,
  }
}

const timings = { embedMs: 12, denseMs: 1.5, bm25Ms: 0.7, fuseMs: 0.1, rerankMs: 0, totalMs: 15.25 }

/** Two hits; meaning has them the other way round. */
export function anOutcome(mode: SearchMode, reranked: boolean): OutputOf<typeof searchRun> {
  const rank = reranked ? 1 : null
  const first = aHit({
    ranks: { dense: 2, bm25: 1, rerank: rank },
    scores: { ...aHit().scores, rerank: reranked ? 3.5 : null },
  })
  const second = aHit({
    chunkId: '1',
    text: 'The first anvils were made of stone.',
    ranks: { dense: 1, bm25: null, rerank: null },
    scores: { dense: 0.8, bm25: null, fused: 0.016, rerank: null },
    highlights: [],
  })
  return {
    hits: mode === 'dense' ? [second, first] : [first, second],
    timings,
    notes: ['The model does not know Korean.', 'Something else to know.'],
  }
}

export function evaluated(generated: boolean): Extract<EventOf<typeof evaluateRetrieval>, { kind: 'finished' }> {
  const figures = { hitAt5: 1, hitAt10: 1, mrrAt10: 0.75, recallAt100: 1, queries: 2, medianMs: 3.2, rerank: false }
  return {
    kind: 'finished',
    results: [
      { mode: 'bm25', hitAt1: 0.5, ndcgAt10: 0.815, ...figures },
      { mode: 'hybrid', hitAt1: 1, ndcgAt10: 1, ...figures },
    ],
    perQuery: [
      { query: 'How heavy is the anvil?', relevant: ['d1'], rank: [2, 1], generated },
      { query: 'What are anvils made of?', relevant: ['d1'], rank: [1, 1], generated },
    ],
  }
}
