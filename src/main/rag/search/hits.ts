/** From ranked chunks to hits: text with neighbours, place, and where the query's words stand. */
import { type Hit } from '../../../shared/contract/knowledge'
import { type Store, type StoredChunk } from '../../store'
import { type Span } from '../../trace'
import { termPlaces } from './terms'

/** A chunk that was found, with what the rankings said of it. */
export interface Found {
  chunk: StoredChunk
  score: number
  ranks: Hit['ranks']
  scores: Hit['scores']
}

const mostHighlights = 200
/** Hits that a trace keeps with their scores, and those that it keeps with their text. */
const notedHits = 50
const notedTexts = 10

/**
 * @param neighbours so many chunks before and after are added to its text.
 * @param terms what to highlight; null: nothing is looked for.
 */
export function hitOf(store: Store, found: Found, neighbours: number, terms: ReadonlySet<string> | null): Hit {
  const { chunk, score, ranks, scores } = found
  const { text, start, end } = neighbours > 0 ? widened(store, chunk, neighbours) : { text: chunk.text, ...chunk.place }
  return {
    documentId: chunk.documentId,
    path: chunk.path,
    title: chunk.title,
    chunkId: String(chunk.seq),
    text,
    place: { ...chunk.place, start, end },
    score,
    ranks,
    scores,
    highlights: terms ? highlightsOf(text, terms) : [],
  }
}

/** What a search found, for its trace. */
export function noteHits(span: Span, { hits, notes }: { hits: Hit[]; notes: string[] }): void {
  span.set({
    'moru.hits': hits.slice(0, notedHits).map(({ chunkId, documentId, path, score, ranks, scores }) => ({
      chunkId,
      documentId,
      path,
      score,
      ranks,
      scores,
    })),
    ...(notes.length > 0 && { 'moru.search.notes': notes }),
  })
  span.output(hits.slice(0, notedTexts).map(({ path, text }) => ({ role: 'document', content: `${path}\n${text}` })))
}

/** The chunk with its neighbours; what they share is there once. */
function widened(store: Store, chunk: StoredChunk, neighbours: number): { text: string; start: number; end: number } {
  const { position, documentSeq } = chunk
  const range = store.chunks.range(documentSeq, Math.max(0, position - neighbours), position + neighbours)
  let text = ''
  let end = range[0]?.place.start ?? 0
  for (const next of range) {
    const shared = end - next.place.start
    const literal = next.text.length === next.place.end - next.place.start
    if (literal && shared >= 0) text += next.text.slice(shared)
    else text += (text === '' ? '' : '\n') + next.text
    end = Math.max(end, next.place.end)
  }
  return { text, start: range[0]?.place.start ?? chunk.place.start, end: Math.max(end, chunk.place.end) }
}

/** Where the terms stand in the text, in order; windows that overlap or touch within a word become one. */
export function highlightsOf(text: string, terms: ReadonlySet<string>): { start: number; end: number }[] {
  const places: { start: number; end: number }[] = []
  const sorted = termPlaces(text)
    .filter((place) => terms.has(place.term))
    .sort((a, b) => a.start - b.start)
  for (const { start, end } of sorted) {
    const last = places.at(-1)
    if (last && start <= last.end) last.end = Math.max(last.end, end)
    else if (places.length < mostHighlights) places.push({ start, end })
  }
  return places
}
