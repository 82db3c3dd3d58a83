import { type TextModel } from './byte-level-bpe'

/** Words longer than this many characters are unknown as a whole. */
const longestWord = 100

export interface WordPieceVocabulary {
  /** Pieces that begin a word, and pieces that continue one (without their mark). */
  starts: ReadonlyMap<string, number>
  continuations: ReadonlyMap<string, number>
  unknownId: number | null
  longestWord?: number
}

/** WordPiece (arXiv 1609.08144): of every word the longest piece that fits, again and again; a word that does not work out is unknown. */
export class WordPiece implements TextModel {
  private readonly vocabulary: WordPieceVocabulary
  private readonly words: (text: string) => string[]

  /** `words` cuts a text into normalised words and punctuation marks. */
  constructor(vocabulary: WordPieceVocabulary, words: (text: string) => string[]) {
    this.vocabulary = vocabulary
    this.words = words
  }

  encode(text: string, out: number[]): void {
    for (const word of this.words(text)) {
      const ids = this.pieces(word)
      if (ids) for (const id of ids) out.push(id)
      else if (this.vocabulary.unknownId !== null) out.push(this.vocabulary.unknownId)
    }
  }

  private pieces(word: string): number[] | null {
    const limit = this.vocabulary.longestWord ?? longestWord
    if (word.length > 2 * limit) return null
    const characters = Array.from(word)
    if (characters.length > limit) return null
    const ids: number[] = []
    for (let start = 0; start < characters.length;) {
      const table = start === 0 ? this.vocabulary.starts : this.vocabulary.continuations
      let end = characters.length
      let id: number | undefined
      for (; end > start; end--) {
        id = table.get(characters.slice(start, end).join(''))
        if (id !== undefined) break
      }
      if (id === undefined) return null
      ids.push(id)
      start = end
    }
    return ids
  }
}

export interface BertNormalization {
  cleanText: boolean
  separateHan: boolean
  lowercase: boolean
  stripAccents: boolean
}

const han =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b820}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu

/** BERT's text clean-up, in the order transformers does it. */
export function normalizeBert(text: string, rules: BertNormalization): string {
  let normal = text
  if (rules.cleanText)
    normal = normal.replace(/[\0\ufffd]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, '').replace(/\p{White_Space}/gu, ' ')
  if (rules.separateHan) normal = normal.replace(han, ' $& ')
  if (rules.stripAccents) normal = normal.normalize('NFD').replace(/\p{Mn}/gu, '')
  // Character by character: a Greek sigma at a word's end stays a plain one, as in transformers.
  return rules.lowercase ? normal.replace(/\p{Changes_When_Lowercased}/gu, (letter) => letter.toLowerCase()) : normal
}

/** Words and single punctuation marks, without white space. */
export function bertWords(text: string): string[] {
  return text.match(/[\p{P}!-/:-@[-`{-~]|[^\p{White_Space}\p{P}!-/:-@[-`{-~]+/gu) ?? []
}
