/**
 * How well an embedding model tells a collection's own passages apart, by language. A sentence of a passage is the query;
 * a model that knows the language finds the passage it is from. One that does not ruins hybrid search: its ranking is
 * close to random, and fusion gives it half the say.
 */
import { throwIfCancelled } from '../../../shared/errors'
import { type PassageLanguage, type SearchState, type Separation, type Store, type StoredChunk } from '../../store'
import { sentencesOf } from '../documents/chunks/sentences'
import { type VectorIndex } from './vector-index'

/** What is asked of the model that gave the vectors. */
export interface MeasuredModel {
  embed(texts: string[]): Promise<Float32Array[]>
  countTokens(texts: readonly string[]): Promise<number[]>
}

const languages: PassageLanguage[] = ['ko', 'en', 'other']
const names = { ko: 'Korean', en: 'English', other: 'other languages' }
const mostProbes = 64
/** Up to this share of probes that find their passage, the dense ranking has no say; from `full` on, as much as BM25. */
const none = 0.3
const full = 0.7
/**
 * A vocabulary with more tokens than letters has no words of the language. Short passages are found all the same, by the letters they
 * share: MiniLM (1.7 tokens a letter of Korean) finds single sentences by their halves, and other sentences that say the same it does not.
 */
const mostTokensPerLetter = 1.2
/** Shorter sentences could be from anywhere. */
const leastProbeLetters = 20

export const denseWeightFor = (hitAt1: number) => Math.min(1, Math.max(0, (hitAt1 - none) / (full - none)))

/** @returns a row for each language that the collection has passages of. @throws cancelled, and what embedding throws. */
export async function measureSeparation(
  store: Store,
  state: SearchState,
  index: VectorIndex,
  model: MeasuredModel,
  signal: AbortSignal,
): Promise<Separation[]> {
  const rows: Separation[] = []
  for (const language of languages) {
    const seqs = store.chunks.ofLanguage(state.seq, language)
    if (seqs.length === 0) continue
    const probes = probesOf(store, seqs)
    const texts = probes.map((probe) => probe.text)
    const vectors = await model.embed(texts)
    let found = 0
    for (const [i, { chunk, text }] of probes.entries()) {
      throwIfCancelled(signal)
      const [nearest] = await index.search(vectors[i], 1, null)
      // A neighbour that overlaps may hold the sentence too.
      const own = nearest?.chunkSeq === chunk.seq || store.chunks.find(nearest?.chunkSeq ?? 0)?.text.includes(text)
      if (own) found++
    }
    const spelled = tokensPerLetter(texts, await model.countTokens(texts)) > mostTokensPerLetter
    rows.push(separationRow(language, seqs.length, probes.length === 0 ? 0 : found / probes.length, spelled))
  }
  return rows
}

/** 0 for no letters. */
export function tokensPerLetter(texts: readonly string[], tokens: readonly number[]): number {
  const letters = texts.reduce((sum, text) => sum + (text.match(/\S/gu)?.length ?? 0), 0)
  return letters === 0 ? 0 : tokens.reduce((sum, n) => sum + n, 0) / letters
}

/** @param spelled the model's vocabulary spells the language letter by letter. */
function separationRow(language: PassageLanguage, passages: number, hitAt1: number, spelled: boolean): Separation {
  const denseWeight = spelled ? 0 : denseWeightFor(hitAt1)
  const percent = Math.round(hitAt1 * 100)
  const known = `The embedding model finds only ${percent} % of the passages in ${names[language]} by a sentence of their own`
  const warning = spelled
    ? `The embedding model's vocabulary spells ${names[language]} letter by letter: it does not know the language. Search goes by words alone there; choose a model that knows it.`
    : denseWeight === 0
      ? `${known}: it does not seem to know the language. Search goes by words alone there; choose a model that knows it.`
      : denseWeight < 0.5
        ? `${known}. Search goes mostly by words there; a model that knows the language better would find more.`
        : null
  return { language, passages, hitAt1, denseWeight, warning }
}

/** Sentences from the middle of passages that lie evenly over the collection. */
function probesOf(store: Store, seqs: readonly number[]): { chunk: StoredChunk; text: string }[] {
  const step = Math.max(1, seqs.length / mostProbes)
  const probes: { chunk: StoredChunk; text: string }[] = []
  for (let at = 0; at < seqs.length && probes.length < mostProbes; at += step) {
    const chunk = store.chunks.find(seqs[Math.floor(at)])
    const text = chunk && probeOf(chunk.text)
    if (chunk && text) probes.push({ chunk, text })
  }
  return probes
}

/** The sentence nearest the middle; half of the text where it is one sentence alone; null where it is too short. */
export function probeOf(text: string): string | null {
  const sentences = sentencesOf(text).map(({ start, end }) => text.slice(start, end).trim())
  const long = sentences.filter((sentence) => sentence.length >= leastProbeLetters)
  if (sentences.length > 1 && long.length > 0) return long[long.length >> 1]
  const half = text
    .slice(0, text.length / 2)
    .replace(/\S+$/, '')
    .trim()
  return half.length >= leastProbeLetters ? half : null
}
