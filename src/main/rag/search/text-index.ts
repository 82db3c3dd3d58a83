/**
 * An inverted index in memory, and BM25 over it.
 *
 * BM25 in Lucene's variant with exact lengths (Robertson and Zaragoza 2009; Kamphuis et al. 2020):
 *   score(q, d) = sum over the query's terms t of idf(t) * tf / (tf + k1 * (1 - b + b * |d| / avgdl)),
 *   idf(t) = ln(1 + (N - df + 0.5) / (df + 0.5)), k1 = 1.2, b = 0.75.
 * A term that the query repeats counts each time.
 */
import { type ChunkTerms, readPostings } from '../../store'

const k1 = 1.2
const b = 0.75
/** More segments than this are merged into one: each costs a search by bisection for every term of a query. */
const mostSegments = 8

/** Postings of some chunks, sorted by term: those of terms[i] are at starts[i] to starts[i + 1]. */
interface Segment {
  terms: Uint32Array
  starts: Uint32Array
  chunks: Uint32Array
  frequencies: Uint16Array
}

/** What BM25 needs to know of the whole, which may be more than one collection. */
export interface TextStatistics {
  chunks: number
  totalLength: number
  /** In how many chunks each of the query's terms occurs. */
  frequencies: number[]
}

export interface TextMatch {
  chunkSeq: number
  documentSeq: number
  score: number
}

/** The terms of one collection's chunks. Chunks are added and removed, never changed. */
export class TextIndex {
  /** By slot: the number of a chunk in this index. */
  readonly #rowSeqs: number[] = []
  readonly #chunkSeqs: number[] = []
  readonly #documentSeqs: number[] = []
  readonly #lengths: number[] = []
  #alive: Uint8Array<ArrayBuffer> = new Uint8Array(1024)
  #segments: Segment[] = []
  #postings = 0
  #live = 0
  #totalLength = 0

  /** Chunks that can be found. */
  get size(): number {
    return this.#live
  }
  /** The largest ChunkTerms.seq that was added. */
  get lastSeq(): number {
    return this.#rowSeqs.at(-1) ?? 0
  }
  get bytes(): number {
    return this.#postings * 6 + this.#rowSeqs.length * 33
  }
  /** The share of slots whose chunks are gone. */
  get waste(): number {
    return this.#rowSeqs.length === 0 ? 0 : 1 - this.#live / this.#rowSeqs.length
  }

  /** Adds chunks, in ascending order of seq and after all that are there. */
  add(rows: readonly ChunkTerms[]): void {
    if (rows.length === 0) return
    const first = this.#rowSeqs.length
    for (const row of rows) {
      this.#rowSeqs.push(row.seq)
      this.#chunkSeqs.push(row.chunkSeq)
      this.#documentSeqs.push(row.documentSeq)
      this.#lengths.push(row.length)
      this.#totalLength += row.length
    }
    this.#live += rows.length
    if (this.#rowSeqs.length > this.#alive.length) {
      const larger = new Uint8Array(this.#rowSeqs.length * 2)
      larger.set(this.#alive)
      this.#alive = larger
    }
    this.#alive.fill(1, first, this.#rowSeqs.length)
    const segment = segmentOf(rows, first)
    this.#postings += segment.chunks.length
    this.#segments.push(segment)
    if (this.#segments.length > mostSegments) this.#segments = [mergeSegments(this.#segments)]
  }

  /** Removes the chunks whose seq is not among `present` (ascending). */
  keepOnly(present: readonly number[]): void {
    let at = 0
    this.#rowSeqs.forEach((seq, slot) => {
      while (at < present.length && present[at] < seq) at++
      if (this.#alive[slot] === 0 || present[at] === seq) return
      this.#alive[slot] = 0
      this.#live--
      this.#totalLength -= this.#lengths[slot]
    })
  }

  /** @param terms term.seq of each of the query's terms; null for one that no chunk has. */
  statistics(terms: readonly (number | null)[]): TextStatistics {
    const frequencies = terms.map((term) => {
      let found = 0
      if (term !== null) this.#postingsOf(term, (slot) => (found += this.#alive[slot]))
      return found
    })
    return { chunks: this.#live, totalLength: this.#totalLength, frequencies }
  }

  /**
   * The `limit` best chunks, best first; equal scores in the order of adding.
   * @param whole the statistics of all that is searched. @param documents the only documents to look in, by document.seq.
   */
  search(
    terms: readonly (number | null)[],
    whole: TextStatistics,
    limit: number,
    documents: ReadonlySet<number> | null,
  ): TextMatch[] {
    const scores = new Float64Array(this.#rowSeqs.length)
    const averageLength = whole.totalLength / whole.chunks || 1
    terms.forEach((term, i) => {
      if (term === null) return
      const df = whole.frequencies[i]
      const idf = Math.log(1 + (whole.chunks - df + 0.5) / (df + 0.5))
      this.#postingsOf(term, (slot, frequency) => {
        scores[slot] += (idf * frequency) / (frequency + k1 * (1 - b + (b * this.#lengths[slot]) / averageLength))
      })
    })
    const passes = (slot: number) =>
      this.#alive[slot] === 1 && (documents === null || documents.has(this.#documentSeqs[slot]))
    return bestSlots(scores, limit, 0, passes).map((slot) => ({
      chunkSeq: this.#chunkSeqs[slot],
      documentSeq: this.#documentSeqs[slot],
      score: scores[slot],
    }))
  }

  #postingsOf(term: number, each: (slot: number, frequency: number) => void): void {
    for (const { terms, starts, chunks, frequencies } of this.#segments) {
      const at = bisect(terms, term)
      if (terms[at] !== term) continue
      for (let i = starts[at]; i < starts[at + 1]; i++) each(chunks[i], frequencies[i])
    }
  }
}

/** The first place in ascending `list` whose value is not below `value`. */
function bisect(list: Uint32Array, value: number): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (list[middle] < value) low = middle + 1
    else high = middle
  }
  return low
}

/** The slots of the `limit` highest scores above `floor` that pass, best first; equal scores in the order of slots. */
export function bestSlots(
  scores: Float64Array | Float32Array,
  limit: number,
  floor: number,
  passes: (slot: number) => boolean,
): number[] {
  // A heap whose root is the worst kept: most slots are refused by one comparison.
  const heap: number[] = []
  const worse = (a: number, c: number) => scores[a] < scores[c] || (scores[a] === scores[c] && a > c)
  const sink = (from: number) => {
    let at = from
    for (;;) {
      let worst = at
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < heap.length && worse(heap[child], heap[worst])) worst = child
      if (worst === at) return
      ;[heap[at], heap[worst]] = [heap[worst], heap[at]]
      at = worst
    }
  }
  for (let slot = 0; slot < scores.length; slot++) {
    const score = scores[slot]
    if (!(score > floor) || (heap.length === limit && score <= scores[heap[0]]) || !passes(slot)) continue
    if (heap.length < limit) {
      heap.push(slot)
      if (heap.length === limit) for (let i = limit >> 1; i >= 0; i--) sink(i)
    } else {
      heap[0] = slot
      sink(0)
    }
  }
  return heap.sort((a, c) => scores[c] - scores[a] || a - c)
}

function segmentOf(rows: readonly ChunkTerms[], firstSlot: number): Segment {
  const pairs: number[] = []
  const sizes = new Map<number, number>()
  rows.forEach((row, i) =>
    readPostings(row.postings, (term, frequency) => {
      pairs.push(term, firstSlot + i, Math.min(frequency, 65_535))
      sizes.set(term, (sizes.get(term) ?? 0) + 1)
    }),
  )
  const segment = emptySegment(sizes)
  const next = new Map<number, number>()
  segment.terms.forEach((term, i) => next.set(term, segment.starts[i]))
  for (let i = 0; i < pairs.length; i += 3) {
    const at = next.get(pairs[i]) as number
    segment.chunks[at] = pairs[i + 1]
    segment.frequencies[at] = pairs[i + 2]
    next.set(pairs[i], at + 1)
  }
  return segment
}

function emptySegment(sizes: ReadonlyMap<number, number>): Segment {
  const terms = Uint32Array.from(sizes.keys()).sort()
  const starts = new Uint32Array(terms.length + 1)
  terms.forEach((term, i) => (starts[i + 1] = starts[i] + (sizes.get(term) as number)))
  const total = starts[terms.length]
  return { terms, starts, chunks: new Uint32Array(total), frequencies: new Uint16Array(total) }
}

/** Segments hold ascending slots, and later ones higher slots: each term's lists are put behind one another. */
function mergeSegments(segments: readonly Segment[]): Segment {
  const sizes = new Map<number, number>()
  for (const { terms, starts } of segments)
    terms.forEach((term, i) => sizes.set(term, (sizes.get(term) ?? 0) + starts[i + 1] - starts[i]))
  const merged = emptySegment(sizes)
  const next = new Map<number, number>()
  merged.terms.forEach((term, i) => next.set(term, merged.starts[i]))
  for (const { terms, starts, chunks, frequencies } of segments)
    terms.forEach((term, i) => {
      const at = next.get(term) as number
      merged.chunks.set(chunks.subarray(starts[i], starts[i + 1]), at)
      merged.frequencies.set(frequencies.subarray(starts[i], starts[i + 1]), at)
      next.set(term, at + starts[i + 1] - starts[i])
    })
  return merged
}
