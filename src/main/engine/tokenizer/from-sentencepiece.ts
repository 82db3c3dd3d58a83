import { MoruError } from '../../../shared/errors'
import { ByteFallback } from './byte-fallback'
import { Charsmap } from './charsmap'
import { type FieldValue, readFields } from './protobuf'
import { CharacterBpe, ScoredMerges } from './sentencepiece-bpe'
import { meta, normalizeSpacing, spellPiece } from './sentencepiece-normalizer'
import { type Tokenizer } from './tokenizer'
import { Unigram } from './unigram'
import { byteOfToken, tokenType, Vocabulary } from './vocabulary'
import { matchedTokens, VocabularyTokenizer } from './vocabulary-tokenizer'

const where = 'tokenizer.model'

/** What Moru needs of SentencePiece's ModelProto (sentencepiece_model.proto), defaults as there. */
export interface SentencePieceModel {
  pieces: string[]
  scores: number[]
  types: number[]
  kind: number
  unkId: number
  bosId: number
  eosId: number
  padId: number
  unknownSurface: string
  charsmap: Uint8Array | null
  addDummyPrefix: boolean
  removeExtraWhitespaces: boolean
  /** Spaces end pieces instead of beginning them. */
  whitespaceAsSuffix: boolean
}

export interface SentencePieceOptions {
  /** Whether BOS or EOS belong around a text: the .model does not say. Default: BOS for BPE, EOS for unigram. */
  addBos?: boolean
  addEos?: boolean
  /** Further ids that end generation. */
  endIds?: readonly number[]
}

/** The tokenizer of a SentencePiece .model file. Throws `invalid_file` when it is damaged, `unsupported` for word and char models. */
export function tokenizerFromSentencePiece(modelBytes: Uint8Array, options: SentencePieceOptions = {}): Tokenizer {
  const model = readSentencePieceModel(modelBytes)
  if (model.kind !== 1 && model.kind !== 2)
    throw new MoruError(
      'unsupported',
      `${where}: Moru reads SentencePiece's unigram and BPE models, not type ${model.kind}.`,
    )
  const vocabulary = new Vocabulary(model.pieces, model.types, where)
  const id = (value: number): number | null => (value >= 0 && value < vocabulary.size ? value : null)
  const unknownId = id(model.unkId)
  const rules = {
    charsmap: model.charsmap ? new Charsmap(model.charsmap, `${where}: precompiled_charsmap`) : null,
    prefix: model.addDummyPrefix
      ? model.whitespaceAsSuffix
        ? ('behind' as const)
        : ('first' as const)
      : ('never' as const),
    removeExtra: model.removeExtraWhitespaces,
  }
  const split = (text: string, first: boolean): string[] => [normalizeSpacing(text, rules, first)]
  const fallback = new ByteFallback(vocabulary.byteTokens(), unknownId)
  const unigram = model.kind === 1
  const eosId = id(model.eosId)
  return new VocabularyTokenizer({
    kind: unigram ? 'unigram' : 'spm',
    vocabulary,
    model: unigram
      ? new Unigram(vocabulary, model.scores, where, split, fallback)
      : new CharacterBpe(vocabulary, scored(vocabulary, model.scores, split), fallback),
    matched: matchedTokens(vocabulary),
    spell: (token, type) => spell(token, type, model.unknownSurface),
    bosId: id(model.bosId),
    eosId,
    unknownId,
    padId: id(model.padId),
    endIds: [...(eosId === null ? [] : [eosId]), ...(options.endIds ?? [])],
    addBos: options.addBos ?? !unigram,
    addEos: options.addEos ?? unigram,
    leadingSpace: rules.prefix === 'first',
    // SentencePiece puts its space before user-defined pieces as well.
    dummyPrefix: rules.prefix === 'first' ? (vocabulary.ids.get(meta) ?? null) : null,
  })
}

function scored(vocabulary: Vocabulary, scores: number[], split: (text: string, first: boolean) => string[]) {
  const merges = new ScoredMerges(vocabulary, scores, where)
  return { split, merges: (piece: string) => merges.within(piece), ignoreMerges: false }
}

function spell(token: string, type: number, unknownSurface: string): Uint8Array {
  const byte = type === tokenType.byte ? byteOfToken(token) : null
  if (byte !== null) return Uint8Array.of(byte)
  return spellPiece(type === tokenType.unknown ? unknownSurface : token)
}

/** The vocabulary and rules of a .model file. Throws `invalid_file` when it is damaged. */
export function readSentencePieceModel(bytes: Uint8Array): SentencePieceModel {
  const model: SentencePieceModel = {
    pieces: [],
    scores: [],
    types: [],
    kind: 1,
    unkId: 0,
    bosId: 1,
    eosId: 2,
    padId: -1,
    unknownSurface: ' ⁇ ',
    charsmap: null,
    addDummyPrefix: true,
    removeExtraWhitespaces: true,
    whitespaceAsSuffix: false,
  }
  for (const { number, value } of readFields(bytes, where)) {
    if (number === 1) readPiece(content(value, 'pieces'), model)
    else if (number === 2) readTrainer(content(value, 'trainer_spec'), model)
    else if (number === 3) readNormalizer(content(value, 'normalizer_spec'), model)
  }
  return model
}

function readPiece(bytes: Uint8Array, model: SentencePieceModel): void {
  const at = model.pieces.length
  model.pieces.push('')
  model.scores.push(0)
  model.types.push(tokenType.normal)
  for (const { number, value } of readFields(bytes, `${where}: piece ${at}`)) {
    if (number === 1) model.pieces[at] = string(value, `piece ${at}`)
    else if (number === 2) model.scores[at] = float(value, `the score of piece ${at}`)
    else if (number === 3) model.types[at] = whole(value, `the type of piece ${at}`)
  }
}

function readTrainer(bytes: Uint8Array, model: SentencePieceModel): void {
  for (const { number, value } of readFields(bytes, `${where}: trainer_spec`)) {
    if (number === 3) model.kind = whole(value, 'model_type')
    else if (number === 24) model.whitespaceAsSuffix = whole(value, 'treat_whitespace_as_suffix') !== 0
    else if (number === 40) model.unkId = whole(value, 'unk_id') | 0
    else if (number === 41) model.bosId = whole(value, 'bos_id') | 0
    else if (number === 42) model.eosId = whole(value, 'eos_id') | 0
    else if (number === 43) model.padId = whole(value, 'pad_id') | 0
    else if (number === 44) model.unknownSurface = string(value, 'unk_surface')
  }
}

function readNormalizer(bytes: Uint8Array, model: SentencePieceModel): void {
  for (const { number, value } of readFields(bytes, `${where}: normalizer_spec`)) {
    if (number === 2) {
      const charsmap = content(value, 'precompiled_charsmap')
      model.charsmap = charsmap.length > 0 ? charsmap : null
    } else if (number === 3) model.addDummyPrefix = whole(value, 'add_dummy_prefix') !== 0
    else if (number === 4) model.removeExtraWhitespaces = whole(value, 'remove_extra_whitespaces') !== 0
  }
}

const wrongKind = (what: string): MoruError =>
  new MoruError('invalid_file', `${where}: ${what} is stored as the wrong kind of field.`)

function content(value: FieldValue, what: string): Uint8Array {
  if (typeof value === 'number') throw wrongKind(what)
  return value
}

function whole(value: FieldValue, what: string): number {
  if (typeof value !== 'number') throw wrongKind(what)
  return value
}

function string(value: FieldValue, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content(value, what))
  } catch (thrown) {
    if (thrown instanceof MoruError) throw thrown
    throw new MoruError('invalid_file', `${where}: ${what} is not UTF-8.`, { cause: thrown })
  }
}

function float(value: FieldValue, what: string): number {
  const bytes = content(value, what)
  if (bytes.length !== 4) throw wrongKind(what)
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true)
}
