/** BM25 over one or more collections as one ranking: N, document frequencies and lengths are those of all together. */
import { type SearchState, type Store } from '../../store'
import { analyseTexts } from './analyse'
import { type MorphemeAnalyser } from './morphemes'
import { Shelf } from './shelf'
import { type ChunkTerms } from '../../store'
import { TextIndex, type TextMatch } from './text-index'

/** A collection to search, with the documents that pass the filter, or null for all. */
export interface SearchedCollection {
  state: SearchState
  documents: ReadonlySet<number> | null
}

export interface TextRanking {
  /** Best first. */
  matches: (TextMatch & { collection: SearchState })[]
  /** The query's terms that tell chunks apart: those that not every second chunk has. */
  tellingTerms: Set<string>
}

/** Memory for inverted indexes: about 60 bytes a chunk of 200 words and posting six; 256 MB are some 400,000 chunks. */
const budgetBytes = 256 * 2 ** 20

/**
 * So much of its better neighbour's score a chunk gets beside its own: what a question asks for and what it names often stand on two
 * sides of a cut. Measured in docs/retrieval.md.
 */
const neighbourShare = 0.1
/** Chunks whose neighbours count. */
const leastDepth = 1000

/** Chunks of a document are numbered one after the other. @returns best first. */
export function withNeighbours<M extends TextMatch>(matches: readonly M[]): M[] {
  const bySeq = new Map(matches.map((match) => [match.chunkSeq, match]))
  const scoreAt = (seq: number, documentSeq: number) => {
    const match = bySeq.get(seq)
    return match?.documentSeq === documentSeq ? match.score : 0
  }
  const scored = matches.map((match) => {
    const { chunkSeq, documentSeq, score } = match
    const beside = Math.max(scoreAt(chunkSeq - 1, documentSeq), scoreAt(chunkSeq + 1, documentSeq))
    return { ...match, score: score + neighbourShare * beside }
  })
  return scored.sort((a, b) => b.score - a.score)
}

export class TextSearch {
  readonly #store: Store
  readonly #morphemes: MorphemeAnalyser
  readonly #shelf = new Shelf<ChunkTerms, TextIndex>(budgetBytes)

  constructor(store: Store, morphemes: MorphemeAnalyser) {
    this.#store = store
    this.#morphemes = morphemes
  }

  async search(
    collections: readonly SearchedCollection[],
    query: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<TextRanking> {
    const parts = []
    for (const { state, documents } of collections) {
      const [terms] = await analyseTexts([query], state.analyser, this.#morphemes, signal)
      const index = await this.#open(state)
      const ids = terms.map((term) => this.#store.terms.find(state.seq, term))
      parts.push({ state, documents, terms, ids, index, statistics: index.statistics(ids) })
    }
    const chunks = parts.reduce((sum, part) => sum + part.statistics.chunks, 0)
    const totalLength = parts.reduce((sum, part) => sum + part.statistics.totalLength, 0)
    const frequencies = new Map<string, number>()
    for (const { terms, statistics } of parts) {
      const own = new Map(terms.map((term, i) => [term, statistics.frequencies[i]]))
      for (const [term, count] of own) frequencies.set(term, (frequencies.get(term) ?? 0) + count)
    }
    const matches = parts.flatMap(({ state, documents, terms, ids, index }) => {
      const whole = { chunks, totalLength, frequencies: terms.map((term) => frequencies.get(term) ?? 0) }
      const depth = Math.max(limit, leastDepth)
      return index.search(ids, whole, depth, documents).map((match) => ({ ...match, collection: state }))
    })
    const telling = [...frequencies].filter(([, count]) => count * 2 <= chunks).map(([term]) => term)
    return {
      matches: withNeighbours(matches).slice(0, limit),
      tellingTerms: new Set(telling.length > 0 ? telling : frequencies.keys()),
    }
  }

  #open({ id, seq, analyser }: SearchState): Promise<TextIndex> {
    const { terms, collections } = this.#store
    return this.#shelf.open({
      key: `${seq}/${analyser}`,
      version: () => collections.searchState(id).version,
      create: () => new TextIndex(),
      page: (after, limit) => terms.page(seq, analyser, after, limit),
      seqs: () => terms.seqs(seq, analyser),
    })
  }
}
