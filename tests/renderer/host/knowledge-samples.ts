/** Collections, documents and hits, as a host would answer them. */
import { type Collection, collectionSettings, type Document, type Hit } from '../../../src/shared/contract/knowledge'
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
