import { type InputOf } from '../../../shared/contract'
import { type Collection, type SearchMode, type searchRun } from '../../../shared/contract/knowledge'

/** What the search bench is set to; '' and null: left open. */
export interface SearchOptions {
  k: number
  rerank: number
  mmrLambda: number | null
  denseWeight: number | null
  neighbours: number
  documentId: string
  pathContains: string
  types: string[]
  changedAfter: string
  changedBefore: string
}

export const plainOptions = (): SearchOptions => ({
  k: 10,
  rerank: 50,
  mmrLambda: null,
  denseWeight: null,
  neighbours: 0,
  documentId: '',
  pathContains: '',
  types: [],
  changedAfter: '',
  changedBefore: '',
})

/** The rankings that the bench shows, from left to right. */
const rankings = ['bm25', 'dense', 'hybrid', 'rerank'] as const
export type RankingName = (typeof rankings)[number]

/** What a ranking is to a search: reranking begins with what the fused one finds. */
export const modeOf = (name: RankingName): { mode: SearchMode; rerank: boolean } =>
  name === 'rerank' ? { mode: 'hybrid', rerank: true } : { mode: name, rerank: false }
export const rankingOf = ({ mode, rerank }: { mode: SearchMode; rerank: boolean }): RankingName =>
  rerank ? 'rerank' : mode

/** Those that a collection has: reranking needs a cross-encoder. */
export const rankingsOf = ({ settings }: Collection): RankingName[] =>
  rankings.filter((name) => name !== 'rerank' || settings.rerankModel !== null)

/** A day as typed, in the person's own time zone: its first or its last millisecond. */
const dayStart = (day: string) => new Date(`${day}T00:00:00`).getTime()
const dayEnd = (day: string) => new Date(`${day}T23:59:59.999`).getTime()

/** The request that gives one of the rankings. */
export function searchInput(
  collectionId: string,
  query: string,
  name: RankingName,
  options: SearchOptions,
): InputOf<typeof searchRun> {
  const { k, mmrLambda, denseWeight, neighbours, documentId, pathContains, types } = options
  const { mode, rerank } = modeOf(name)
  return {
    collectionIds: [collectionId],
    query,
    k,
    mode,
    rerank: rerank ? options.rerank : 0,
    mmrLambda,
    denseWeight,
    neighbours,
    filter: {
      ...(documentId && { documentIds: [documentId] }),
      ...(pathContains.trim() && { pathContains: pathContains.trim() }),
      ...(types.length > 0 && { types }),
      ...(options.changedAfter && { changedAfter: dayStart(options.changedAfter) }),
      ...(options.changedBefore && { changedBefore: dayEnd(options.changedBefore) }),
    },
  }
}

export interface Piece {
  text: string
  marked: boolean
}

const lead = 60
const mostSnippet = 400

/** A text in pieces, the highlighted words apart; long texts begin shortly before the first of them. */
export function snippetOf(text: string, highlights: readonly { start: number; end: number }[]): Piece[] {
  const first = highlights[0]?.start ?? 0
  const from = first > lead * 2 ? Math.max(0, text.lastIndexOf(' ', first - lead) + 1) : 0
  const to = Math.min(text.length, from + mostSnippet)
  const pieces: Piece[] = from > 0 ? [{ text: '…', marked: false }] : []
  let at = from
  for (const { start, end } of highlights) {
    if (start < at || end > to) continue
    if (start > at) pieces.push({ text: text.slice(at, start), marked: false })
    pieces.push({ text: text.slice(start, end), marked: true })
    at = end
  }
  if (at < to) pieces.push({ text: text.slice(at, to), marked: false })
  if (to < text.length) pieces.push({ text: '…', marked: false })
  return pieces
}
