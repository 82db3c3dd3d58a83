import { MoruError } from '../../../shared/errors'
import { type ByteFallback } from './byte-fallback'
import { type TextModel } from './byte-level-bpe'
import { type Merges, mergeSymbols, type MergeTable } from './merge'
import { tokenType, type Vocabulary } from './vocabulary'

/** Which characters begin as which symbol, and how symbols merge, for one piece of text. */
export interface CharacterMerges {
  /** Pieces that merge on their own. */
  split(text: string, first: boolean): string[]
  /** Merges within one piece. */
  merges(piece: string): Merges
  /** Whether a piece that is a token as a whole is taken at once. */
  ignoreMerges: boolean
}

/** BPE over characters, with bytes for characters that have no token (SentencePiece's and Llama's kind). */
export class CharacterBpe implements TextModel {
  private readonly vocabulary: Vocabulary
  private readonly rules: CharacterMerges
  private readonly fallback: ByteFallback

  constructor(vocabulary: Vocabulary, rules: CharacterMerges, fallback: ByteFallback) {
    this.vocabulary = vocabulary
    this.rules = rules
    this.fallback = fallback
  }

  encode(text: string, out: number[], first: boolean): void {
    let unknown = false
    for (const piece of this.rules.split(text, first)) unknown = this.encodePiece(piece, out, unknown)
  }

  private encodePiece(piece: string, out: number[], afterUnknown: boolean): boolean {
    const whole = this.rules.ignoreMerges ? this.vocabulary.ids.get(piece) : undefined
    if (whole !== undefined) {
      out.push(whole)
      return false
    }
    const symbols = new Int32Array(piece.length)
    const offsets = new Int32Array(piece.length + 1)
    let count = 0
    for (let at = 0; at < piece.length; count++) {
      const character = String.fromCodePoint(piece.codePointAt(at)!)
      symbols[count] = this.vocabulary.ids.get(character) ?? -1
      offsets[count] = at
      at += character.length
    }
    offsets[count] = piece.length
    const kept = mergeSymbols(symbols, offsets, count, this.rules.merges(piece))
    let unknown = afterUnknown
    for (let i = 0; i < kept; i++) {
      if (symbols[i] < 0) unknown = this.fallback.append(piece.slice(offsets[i], offsets[i + 1]), out, unknown)
      else {
        out.push(symbols[i])
        unknown = false
      }
    }
    return unknown
  }
}

/**
 * SentencePiece's own merging: two neighbours merge when the text of both together is a piece; the highest score goes
 * first. Control, byte and unused pieces are never made by merging.
 */
export class ScoredMerges {
  private readonly vocabulary: Vocabulary
  private readonly ranks: Int32Array

  /** `scores`: one a token. Throws `invalid_file` when there are too few or one is no number. */
  constructor(vocabulary: Vocabulary, scores: ArrayLike<number>, where: string) {
    if (scores.length !== vocabulary.size)
      throw new MoruError('invalid_file', `${where} lists ${scores.length} scores for ${vocabulary.size} tokens.`)
    const values = Float64Array.from(scores)
    const bad = values.findIndex((score) => Number.isNaN(score))
    if (bad >= 0) throw new MoruError('invalid_file', `${where}: the score of token ${bad} is not a number.`)
    const order = new Map([...new Set(values)].sort((a, b) => b - a).map((score, rank) => [score, rank]))
    this.vocabulary = vocabulary
    this.ranks = Int32Array.from(values, (score) => order.get(score)!)
  }

  within(piece: string): Merges {
    const { ids, types, longest } = this.vocabulary
    return {
      find: (_left, _right, start, end) => {
        if (end - start > longest) return -1
        const id = ids.get(piece.slice(start, end))
        if (id === undefined) return -1
        return types[id] === tokenType.normal || types[id] === tokenType.userDefined ? id : -1
      },
      rank: (id) => this.ranks[id],
      result: (id) => id,
    }
  }
}

/** Merges by rank, as tokenizer.json lists them. */
export function rankedMerges(table: MergeTable): (piece: string) => Merges {
  return () => table
}
