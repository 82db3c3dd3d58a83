/** Whether a passage has to do with a question at all: by its words, and by meaning where the model knows the language. */
import { type Hit } from '../../../shared/contract/knowledge'
import { contentTerms, coverage } from './question-words'

/** At least one of both must be reached; how they were measured: docs/knowledge.md. */
export const relevantShare = 0.34
export const relevantCosine = 0.35
/** Of the best passage's relevance: what is far behind it only costs room. */
const nearBest = 0.6

export interface Judged {
  hits: Hit[]
  /** Of the best passage, in units of the threshold: from 1 on something is relevant. */
  best: number
}

/** @param knowsLanguage whether cosines to the question mean anything. */
export function relevanceOf(question: string, hit: Hit, knowsLanguage: boolean): number {
  const words = coverage(contentTerms(question), `${hit.title}\n${hit.place.headings.join('\n')}\n${hit.text}`)
  const cosine = knowsLanguage ? (hit.scores.dense ?? 0) : 0
  return Math.max(words / relevantShare, cosine / relevantCosine)
}

/** The relevant ones among the hits, in their order; none when no passage reaches the threshold. */
export function relevantHits(question: string, hits: readonly Hit[], knowsLanguage: (hit: Hit) => boolean): Judged {
  const judged = hits.map((hit) => ({ hit, relevance: relevanceOf(question, hit, knowsLanguage(hit)) }))
  const best = Math.max(0, ...judged.map(({ relevance }) => relevance))
  const floor = Math.max(1, best * nearBest)
  return { hits: judged.filter(({ relevance }) => relevance >= floor).map(({ hit }) => hit), best }
}
