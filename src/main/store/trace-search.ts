/** Windows of characters that words are found by: serves any script, and words of one syllable too. */
const wordPattern = /[\p{L}\p{N}\p{M}]+/gu
/** Texts are compared in one Unicode form and one case. */
export const folded = (text: string): string => text.normalize('NFC').toLowerCase()

/** The distinct windows of one to three characters of all words, separated by spaces. */
export function gramsOf(text: string): string {
  const grams = new Set<string>()
  for (const [word] of folded(text).matchAll(wordPattern)) {
    const characters = [...word]
    for (let i = 0; i < characters.length; i++) {
      let gram = ''
      for (let n = i; n < Math.min(i + 3, characters.length); n++) grams.add((gram += characters[n]))
    }
  }
  return [...grams].join(' ')
}

/** What to look for: an expression for the index, null where it cannot help, and what the texts must then hold. */
export interface TextQuery {
  match: string | null
  /** Folded; only these need looking into the texts. */
  verify: string[]
}

/** Every word of `query` must be there; a word of up to three letters is found by the index alone. */
export function textQueryOf(query: string): TextQuery {
  const words = folded(query).split(/\s+/).filter(Boolean)
  const grams = new Set<string>()
  for (const word of words)
    for (const [part] of word.matchAll(wordPattern)) {
      const characters = [...part]
      if (characters.length <= 3) grams.add(part)
      for (let i = 0; i + 3 <= characters.length; i++) grams.add(characters.slice(i, i + 3).join(''))
    }
  const exact = (word: string) => [...word].length <= 3 && word.replaceAll(wordPattern, '') === ''
  const match = [...grams].map((gram) => `"${gram}"`).join(' ')
  return { match: match || null, verify: words.filter((word) => !exact(word)) }
}
