/** Whether a passage has to do with a question at all: by its words, and by meaning where the model knows the language. */
import { type Hit } from '../../../shared/contract/knowledge'
import { aboveBackground } from './known-languages'
import { contentTerms, coverage } from './question-words'

/** At least one of both must be reached; how they were measured: docs/knowledge.md. */
export const relevantShare = 0.42
/** Counted from the background of the model to 1. */
export const relevantCosine = 0.3
/** Of the best passage's relevance: what is far behind it only costs room. */
const nearBest = 0.6

/** In units of the threshold: from 1 on the passage is relevant. @param background null where cosines mean nothing. */
export function relevanceOf(question: string, hit: Hit, background: number | null): number {
  const words = coverage(contentTerms(question), `${hit.title}\n${hit.place.headings.join('\n')}\n${hit.text}`)
  const cosine = background === null || hit.scores.dense === null ? 0 : aboveBackground(hit.scores.dense, background)
  return Math.max(words / relevantShare, cosine / relevantCosine)
}

/** The relevant ones among the hits, in their order; none when no passage reaches the threshold. */
export function relevantHits(question: string, hits: readonly Hit[], background: number | null): Hit[] {
  const judged = hits.map((hit) => ({ hit, relevance: relevanceOf(question, hit, background) }))
  const best = Math.max(0, ...judged.map(({ relevance }) => relevance))
  const floor = Math.max(1, best * nearBest)
  return judged.filter(({ relevance }) => relevance >= floor).map(({ hit }) => hit)
}
