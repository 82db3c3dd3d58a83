/** Small models, greedy, say the same thing again and again. */
import { sentencesOf } from '../documents'

/** Shorter sentences may well come twice ("Yes."). */
const shortest = 16

/** Where a text begins to repeat a whole sentence of its own; null where it does not. */
export function repetition(text: string): number | null {
  const said = new Set<string>()
  for (const line of text.matchAll(/[^\n]+/g))
    for (const { start, end } of sentencesOf(text, line.index, line.index + line[0].length)) {
      const sentence = text.slice(start, end).replace(/\s+/g, ' ').toLowerCase()
      if (sentence.length < shortest) continue
      if (said.has(sentence)) return start
      said.add(sentence)
    }
  return null
}
