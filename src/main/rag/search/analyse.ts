/** Texts into counted terms, by the analyser of a collection. */
import { type MorphemeAnalyser, morphemeTerms } from './morphemes'
import { analysers, countTerms, termsOf } from './terms'

const hangul = /\p{sc=Hangul}/u

/**
 * The terms of each text, with repetitions.
 * @param analyser one of `analysers`. @throws what MorphemeAnalyser throws.
 */
export async function analyseTexts(
  texts: readonly string[],
  analyser: string,
  morphemes: MorphemeAnalyser,
  signal?: AbortSignal,
): Promise<string[][]> {
  const terms = texts.map((text) => termsOf(text))
  if (analyser !== analysers.morphemes) return terms
  const korean = texts.flatMap((text, i) => (hangul.test(text) ? [i] : []))
  const lists = await morphemes.analyse(
    korean.map((i) => texts[i].normalize('NFC')),
    signal,
  )
  korean.forEach((i, at) => terms[i].push(...morphemeTerms(lists[at])))
  return terms
}

/** The same as counts, in the form in which chunks are stored. */
export const countedTerms = async (...call: Parameters<typeof analyseTexts>): Promise<Map<string, number>[]> =>
  (await analyseTexts(...call)).map((terms) => countTerms(terms))
