import { MoruError } from '../../../shared/errors'
import { type TextModel } from './byte-level-bpe'
import { StreamDecoder } from './stream-decoder'
import { type MatchedToken, TokenMatcher } from './token-matcher'
import { type Tokenizer } from './tokenizer'
import { tokenType, type Vocabulary } from './vocabulary'

export interface TokenizerParts {
  kind: Tokenizer['kind']
  vocabulary: Vocabulary
  model: TextModel
  /** Tokens recognised in running text before the model sees it. */
  matched: readonly MatchedToken[]
  /** Bytes of an ordinary token in running text. */
  spell(token: string, type: number): Uint8Array
  bosId: number | null
  eosId: number | null
  unknownId: number | null
  padId: number | null
  endIds: Iterable<number>
  addBos: boolean
  addEos: boolean
  leadingSpace: boolean
  /** The space that stands before a text even where it begins with a matched token. */
  dummyPrefix?: number | null
  /** Ids around a text; BOS and EOS as addBos and addEos say unless given. */
  prefix?: readonly number[]
  suffix?: readonly number[]
}

const none = new Uint8Array(0)
const utf8 = new TextEncoder()

/** A tokenizer made of a vocabulary, a model for running text and the tokens recognised around it. */
export class VocabularyTokenizer implements Tokenizer {
  readonly kind: Tokenizer['kind']
  readonly vocabSize: number
  readonly bosId: number | null
  readonly eosId: number | null
  readonly endIds: ReadonlySet<number>
  readonly unknownId: number | null
  readonly padId: number | null
  readonly addBos: boolean
  readonly addEos: boolean
  readonly leadingSpace: boolean
  private readonly parts: TokenizerParts
  private readonly matcher: TokenMatcher
  private readonly prefix: readonly number[]
  private readonly suffix: readonly number[]
  private readonly spelled: (Uint8Array | undefined)[]

  constructor(parts: TokenizerParts) {
    this.parts = parts
    this.kind = parts.kind
    this.vocabSize = parts.vocabulary.size
    this.bosId = parts.bosId
    this.eosId = parts.eosId
    this.endIds = new Set(parts.endIds)
    this.unknownId = parts.unknownId
    this.padId = parts.padId
    this.addBos = parts.addBos
    this.addEos = parts.addEos
    this.leadingSpace = parts.leadingSpace
    this.matcher = new TokenMatcher(parts.matched)
    this.prefix = parts.prefix ?? (parts.addBos && parts.bosId !== null ? [parts.bosId] : [])
    this.suffix = parts.suffix ?? (parts.addEos && parts.eosId !== null ? [parts.eosId] : [])
    this.spelled = Array.from({ length: this.vocabSize })
  }

  encode(text: string, options: { special: boolean; affixes?: boolean }): number[] {
    const ids = this.encodeParts(this.matcher.split(text, options.special))
    return options.affixes ? [...this.prefix, ...ids, ...this.suffix] : ids
  }

  splitControls(text: string): (string | number)[] {
    return this.matcher.split(text, true)
  }

  breakControls(text: string, mark: string): string {
    return this.matcher.breakControls(text, mark)
  }

  encodeParts(parts: readonly (string | number)[]): number[] {
    const ids: number[] = []
    let first = true
    for (const part of parts) {
      if (typeof part === 'number') this.addMatched(part, ids, first)
      else {
        for (const piece of this.matcher.split(part, false)) {
          if (typeof piece === 'string') this.parts.model.encode(piece, ids, first)
          else this.addMatched(piece, ids, first)
          first = false
        }
      }
      first = false
    }
    return ids
  }

  private addMatched(id: number, ids: number[], first: boolean): void {
    const { dummyPrefix = null, vocabulary } = this.parts
    if (first && dummyPrefix !== null && vocabulary.types[id] === tokenType.userDefined) ids.push(dummyPrefix)
    ids.push(id)
  }

  decode(ids: ArrayLike<number>, options: { special?: boolean } = {}): string {
    const decoder = new StreamDecoder(this, options)
    return decoder.push(ids) + decoder.flush()
  }

  token(id: number): string {
    return this.parts.vocabulary.tokens[this.check(id)]
  }

  idOf(token: string): number | null {
    return this.parts.vocabulary.ids.get(token) ?? null
  }

  bytes(id: number): Uint8Array {
    return (this.spelled[this.check(id)] ??= this.spell(id))
  }

  isControl(id: number): boolean {
    return this.parts.vocabulary.types[this.check(id)] === tokenType.control
  }

  private spell(id: number): Uint8Array {
    const { tokens, types } = this.parts.vocabulary
    if (types[id] === tokenType.control) return none
    if (types[id] === tokenType.userDefined && this.kind === 'bpe') return utf8.encode(tokens[id])
    return this.parts.spell(tokens[id], types[id])
  }

  private check(id: number): number {
    if (Number.isInteger(id) && id >= 0 && id < this.vocabSize) return id
    throw new MoruError(
      'invalid_input',
      `There is no token ${id}: the vocabulary's ids go from 0 to ${this.vocabSize - 1}.`,
    )
  }
}

/** Control, unknown and user-defined tokens of a vocabulary, as llama.cpp recognises them in text. */
export function matchedTokens(vocabulary: Vocabulary): MatchedToken[] {
  const matched: MatchedToken[] = []
  for (let id = 0; id < vocabulary.size; id++) {
    const type = vocabulary.types[id]
    if (type === tokenType.control || type === tokenType.unknown || type === tokenType.userDefined)
      matched.push({ id, text: vocabulary.tokens[id], control: type !== tokenType.userDefined })
  }
  return matched
}
