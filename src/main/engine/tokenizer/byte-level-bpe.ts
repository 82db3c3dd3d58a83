import { MoruError } from '../../../shared/errors'
import { byteCharacters, tokenOfBytes } from './byte-alphabet'
import { mergeSymbols, MergeTable } from './merge'
import { quote, type Vocabulary } from './vocabulary'

/** Encodes running text, without control tokens. `first`: whether nothing stands before the text. */
export interface TextModel {
  encode(text: string, out: number[], first: boolean): void
}

/** Words up to this many UTF-16 units are remembered with their ids. */
const rememberedLength = 48
const rememberedWords = 50_000

export interface ByteLevelOptions {
  split(text: string, first: boolean): string[]
  ignoreMerges: boolean
}

/**
 * Byte-level BPE (GPT-2, arXiv 1508.07909 on bytes): words are bytes, and pairs merge by rank. Bytes that the vocabulary
 * has no token for take part in merges but give no id, as in llama.cpp.
 */
export class ByteLevelBpe implements TextModel {
  private readonly vocabulary: Vocabulary
  private readonly merges: MergeTable
  private readonly options: ByteLevelOptions
  private readonly symbolsOfBytes: Int32Array
  private readonly remembered = new Map<string, number[]>()
  private readonly encoder = new TextEncoder()

  /** `merges`: pairs of tokens, best first. Throws `invalid_file` when one names a token that does not exist. */
  constructor(
    vocabulary: Vocabulary,
    merges: Iterable<readonly [string, string]>,
    count: number,
    options: ByteLevelOptions,
  ) {
    this.vocabulary = vocabulary
    this.options = options
    this.symbolsOfBytes = Int32Array.from(byteCharacters, (character, byte) => {
      return vocabulary.ids.get(character) ?? vocabulary.size + byte
    })
    const absent = new Map(byteCharacters.map((character, byte) => [character, vocabulary.size + byte]))
    this.merges = mergeTable(vocabulary, merges, count, absent)
  }

  encode(text: string, out: number[], first: boolean): void {
    for (const word of this.options.split(text, first)) {
      const known = this.remembered.get(word)
      const ids = known ?? this.encodeWord(word)
      if (!known && word.length <= rememberedLength) this.remember(word, ids)
      for (const id of ids) out.push(id)
    }
  }

  private encodeWord(word: string): number[] {
    const bytes = this.encoder.encode(word)
    if (this.options.ignoreMerges && bytes.length <= this.vocabulary.longest) {
      const whole = this.vocabulary.ids.get(tokenOfBytes(bytes))
      if (whole !== undefined) return [whole]
    }
    const symbols = Int32Array.from(bytes, (byte) => this.symbolsOfBytes[byte])
    const offsets = new Int32Array(bytes.length + 1)
    const kept = mergeSymbols(symbols, offsets, bytes.length, this.merges)
    const ids: number[] = []
    for (let i = 0; i < kept; i++) if (symbols[i] < this.vocabulary.size) ids.push(symbols[i])
    return ids
  }

  private remember(word: string, ids: number[]): void {
    if (this.remembered.size >= rememberedWords) this.remembered.clear()
    this.remembered.set(word, ids)
  }
}

/** Merge rules over a vocabulary's ids. `absent`: symbols for tokens that are missing but may take part. */
export function mergeTable(
  vocabulary: Vocabulary,
  merges: Iterable<readonly [string, string]>,
  count: number,
  absent: ReadonlyMap<string, number> = new Map(),
): MergeTable {
  const table = new MergeTable(count)
  const symbolOf = (token: string, rank: number, merge: string): number => {
    const id = vocabulary.ids.get(token) ?? absent.get(token)
    if (id !== undefined) return id
    throw new MoruError(
      'invalid_file',
      `Merge ${rank} (${merge}) needs ${quote(token)}, which is not in the vocabulary.`,
    )
  }
  let rank = 0
  for (const [left, right] of merges) {
    const merge = `${quote(left)} + ${quote(right)}`
    table.add(symbolOf(left, rank, merge), symbolOf(right, rank, merge), symbolOf(left + right, rank, merge))
    rank++
  }
  return table
}

/** GGUF writes a merge as two tokens with a space between; a token may itself begin with a space. */
export function* parseMerges(merges: readonly string[]): Generator<readonly [string, string]> {
  for (const [rank, merge] of merges.entries()) {
    const space = merge.indexOf(' ', 1)
    if (space < 0 || space === merge.length - 1)
      throw new MoruError('invalid_file', `Merge ${rank} (${quote(merge)}) is not two tokens with a space between.`)
    yield [merge.slice(0, space), merge.slice(space + 1)]
  }
}
