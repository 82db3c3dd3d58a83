/** One search on its way: its rankings, their fusion, its timings and notes. */
import { type SearchInput } from '../../../shared/contract/knowledge'
import { type PassageLanguage, type SearchState, type Separation } from '../../store'
import { type DenseRanking } from './dense-search'
import { fuseRankings, type Ranking } from './fusion'
import { type Found } from './hits'
import { type SearchedCollection, type TextRanking } from './text-search'

/** What the rankings say of a chunk, by its id, best first. */
export type Candidates = Map<number, Omit<Found, 'chunk'>>

interface RankedList extends Ranking {
  kind: 'bm25' | 'dense'
  scores: ReadonlyMap<number, number>
}

/**
 * The dense ranking's weight beside BM25's 1: as set, or as measured for the query's language. A language that was not
 * measured has no passages here, so the model is not known to know it: its ranking then only fills up what words leave.
 */
export function denseWeightOf(
  { settings }: SearchState,
  separation: readonly Separation[],
  language: PassageLanguage,
): number {
  if (settings.denseWeight !== null) return settings.denseWeight
  const row = separation.find((one) => one.language === language)
  // Before the first measurement English alone is trusted: every embedding model knows it.
  return row?.denseWeight ?? (separation.length === 0 && language === 'en' ? 1 : 0)
}

/** Rank at which a vector counts for little beside the nearest one, and how much it counts there. */
const farRank = 100
const farShare = 0.1
/** What is farther still keeps its place in the ranking. */
const leastShare = 0.05

/**
 * How near each score comes to the best of its ranking, 0 to 1. BM25's count from 0. Cosines count from the rank where hits are no
 * longer about the query: models differ in what unrelated texts have.
 */
export function sharesOf(kind: 'bm25' | 'dense', scores: readonly number[]): number[] {
  const best = scores[0]
  if (kind === 'bm25') return scores.map((score) => (best > 0 ? score / best : 1))
  const far = scores[Math.min(farRank, scores.length) - 1]
  if (best === far) return scores.map(() => 1)
  return scores.map((score) => Math.max(leastShare, farShare + ((1 - farShare) * (score - far)) / (best - far)))
}

export class SearchRun {
  readonly input: SearchInput
  readonly collections: readonly SearchedCollection[]
  readonly start = performance.now()
  readonly timings = { embedMs: 0, denseMs: 0, bm25Ms: 0, fuseMs: 0, rerankMs: 0 }
  readonly notes = new Set<string>()
  /** Null where words were not searched for. */
  tellingTerms: Set<string> | null = null
  readonly #weights: ReadonlyMap<number, number>
  readonly #lists: RankedList[] = []

  /** @param weights of the dense ranking, by collection.seq. */
  constructor(input: SearchInput, collections: readonly SearchedCollection[], weights: ReadonlyMap<number, number>) {
    this.input = input
    this.collections = collections
    this.#weights = weights
  }

  /** Whether the dense ranking can change what is found. */
  needsDense(): boolean {
    const words = this.#lists.find((list) => list.kind === 'bm25')
    return !words || words.keys.length < this.input.k || [...this.#weights.values()].some((weight) => weight > 0)
  }

  addText({ matches, tellingTerms }: TextRanking): void {
    const scores = new Map(matches.map((match) => [match.chunkSeq, match.score]))
    this.#add('bm25', scores, () => 1)
    this.tellingTerms = tellingTerms
  }

  addDense(rankings: readonly DenseRanking[]): void {
    for (const { matches } of rankings) {
      const scores = new Map(matches.map((match) => [match.chunkSeq, match.score]))
      const weights = new Map(matches.map((match) => [match.chunkSeq, this.#weights.get(match.collection.seq) ?? 0]))
      this.#add('dense', scores, this.input.mode === 'dense' ? () => 1 : (key) => weights.get(key) ?? 0)
    }
  }

  /** Hits count by their share of the best score: ranks alone make a hit that merely comes second as good as one that nearly won. */
  #add(kind: RankedList['kind'], scores: ReadonlyMap<number, number>, weight: (key: number) => number): void {
    const keys = [...scores.keys()]
    const shares = sharesOf(kind, [...scores.values()])
    const weights = new Map(keys.map((key, i) => [key, shares[i] * weight(key)]))
    this.#lists.push({ kind, keys, scores, weight: (key) => weights.get(key) ?? 0 })
  }

  /** All chunks that were found, best first. A ranking that is alone keeps its own scores. */
  fuse(): Candidates {
    const fused = this.input.mode === 'hybrid' || this.#lists.length > 1
    const order = fused ? fuseRankings(this.#lists) : new Map(this.#lists[0]?.scores)
    const places = this.#lists.map((list) => new Map(list.keys.map((key, i) => [key, i + 1])))
    const candidates: Candidates = new Map()
    for (const [key, score] of order) {
      const found = {
        score,
        ranks: { dense: null, bm25: null, rerank: null } as Found['ranks'],
        scores: { dense: null, bm25: null, fused: fused ? score : null, rerank: null } as Found['scores'],
      }
      this.#lists.forEach((list, i) => {
        found.ranks[list.kind] ??= places[i].get(key) ?? null
        found.scores[list.kind] ??= list.scores.get(key) ?? null
      })
      candidates.set(key, found)
    }
    return candidates
  }
}
