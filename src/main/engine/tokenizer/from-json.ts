import { MoruError } from '../../../shared/errors'
import { bytesOfToken } from './byte-alphabet'
import { ByteFallback } from './byte-fallback'
import { ByteLevelBpe, mergeTable, type TextModel } from './byte-level-bpe'
import { correctControlTokens, endOfTurnIds } from './control-texts'
import { affixesOf } from './json-affixes'
import { asId, asList, asNumber, asObject, type JsonObject, typeOf } from './json-fields'
import { normalizerOf } from './json-normalizer'
import { componentsOf, hasType, splitterOf } from './json-pre-tokenizer'
import { readAddedTokens, readMerges, readVocabulary } from './json-vocabulary'
import { CharacterBpe, rankedMerges } from './sentencepiece-bpe'
import { spellPiece } from './sentencepiece-normalizer'
import { type Tokenizer } from './tokenizer'
import { Unigram } from './unigram'
import { byteOfToken, tokenType, type Vocabulary } from './vocabulary'
import { VocabularyTokenizer } from './vocabulary-tokenizer'
import { WordPiece } from './wordpiece'

interface Built {
  kind: Tokenizer['kind']
  model: TextModel
  spell(token: string, type: number): Uint8Array
}

/**
 * The tokenizer of a tokenizer.json, with the special tokens of tokenizer_config.json and the end ids of
 * generation_config.json where there are any; all three parsed. Throws `invalid_file` for contradictions, `unsupported`
 * for components that Moru does not know. Truncation and padding are the caller's business.
 */
export function tokenizerFromJson(
  tokenizerJson: unknown,
  tokenizerConfigJson: unknown = {},
  generationConfig: unknown = {},
): Tokenizer {
  const json = asObject(tokenizerJson, 'tokenizer.json')
  const config = asObject(tokenizerConfigJson, 'tokenizer_config.json')
  const generation = asObject(generationConfig, 'generation_config.json')
  const model = asObject(json.model, 'tokenizer.json: model')
  const added = readAddedTokens(json.added_tokens)
  const vocabulary = readVocabulary(model, added)
  correctControlTokens(vocabulary)
  const unknownId = unknownOf(model, config, vocabulary)
  const ids = specialIds(config, generation, vocabulary)
  const { prefix, suffix } = affixesOf(json.post_processor, config, ids, vocabulary)
  return new VocabularyTokenizer({
    ...build(json, model, vocabulary, unknownId),
    vocabulary,
    matched: added.map((token) => ({ ...token, control: vocabulary.types[token.id] === tokenType.control })),
    ...ids,
    unknownId,
    addBos: ids.bosId !== null && prefix[0] === ids.bosId,
    addEos: ids.eosId !== null && suffix.at(-1) === ids.eosId,
    leadingSpace: stripsLeadingSpace(json.decoder),
    prefix,
    suffix,
  })
}

function build(json: JsonObject, model: JsonObject, vocabulary: Vocabulary, unknownId: number | null): Built {
  const normalize = normalizerOf(json.normalizer)
  const split = splitterOf(json.pre_tokenizer)
  const pieces = (text: string, first: boolean): string[] => {
    const normal = normalize(text.toWellFormed())
    return normal === '' ? [] : split(normal, first)
  }
  const fallback = new ByteFallback(
    model.byte_fallback === true ? vocabulary.byteTokens() : new Int32Array(256).fill(-1),
    unknownId,
  )
  const type = typeOf(model, 'tokenizer.json: model')
  if (type === 'WordPiece') return wordPiece(model, vocabulary, unknownId, pieces)
  if (type === 'Unigram') {
    const scores = new Float64Array(vocabulary.size)
    asList(model.vocab, 'tokenizer.json: model.vocab').forEach((entry, id) => {
      scores[id] = asNumber(
        asList(entry, `tokenizer.json: model.vocab[${id}]`)[1],
        `tokenizer.json: model.vocab[${id}]`,
      )
    })
    const unigram = new Unigram(vocabulary, scores, 'tokenizer.json: model.vocab', pieces, fallback)
    return { kind: 'unigram', model: unigram, spell }
  }
  if (type === 'BPE') return bytePair(json, model, vocabulary, pieces, fallback)
  throw new MoruError(
    'unsupported',
    `tokenizer.json: Moru does not read ${JSON.stringify(type.slice(0, 40))} models; it reads BPE, Unigram and WordPiece.`,
  )
}

function bytePair(
  json: JsonObject,
  model: JsonObject,
  vocabulary: Vocabulary,
  pieces: (text: string, first: boolean) => string[],
  fallback: ByteFallback,
): Built {
  for (const field of ['end_of_word_suffix', 'continuing_subword_prefix'])
    if (typeof model[field] === 'string' && model[field] !== '')
      throw new MoruError(
        'unsupported',
        `tokenizer.json: model.${field} is set; Moru reads BPE without word marks only.`,
      )
  const merges = readMerges(model.merges)
  const ignoreMerges = model.ignore_merges === true
  if (hasType(json.pre_tokenizer, 'ByteLevel') || hasType(json.decoder, 'ByteLevel')) {
    const byteLevel = new ByteLevelBpe(vocabulary, merges, merges.length, { split: pieces, ignoreMerges })
    return { kind: 'bpe', model: byteLevel, spell: bytesOfToken }
  }
  const table = rankedMerges(mergeTable(vocabulary, merges, merges.length))
  const characters = new CharacterBpe(vocabulary, { split: pieces, merges: table, ignoreMerges }, fallback)
  return { kind: 'spm', model: characters, spell }
}

function wordPiece(
  model: JsonObject,
  vocabulary: Vocabulary,
  unknownId: number | null,
  words: (text: string, first: boolean) => string[],
): Built {
  const mark = typeof model.continuing_subword_prefix === 'string' ? model.continuing_subword_prefix : '##'
  const continuations = new Map<string, number>()
  for (const [token, id] of vocabulary.ids) if (token.startsWith(mark)) continuations.set(token.slice(mark.length), id)
  const longestWord = typeof model.max_input_chars_per_word === 'number' ? model.max_input_chars_per_word : 100
  const utf8 = new TextEncoder()
  return {
    kind: 'wordpiece',
    model: new WordPiece({ starts: vocabulary.ids, continuations, unknownId, longestWord }, (text) =>
      words(text, true),
    ),
    spell: (token) => utf8.encode(token.startsWith(mark) ? token.slice(mark.length) : ` ${token}`),
  }
}

function spell(token: string, type: number): Uint8Array {
  const byte = type === tokenType.byte ? byteOfToken(token) : null
  return byte === null ? spellPiece(token) : Uint8Array.of(byte)
}

/** Whether decoding drops the first space: what a Strip step, Metaspace or WordPiece decoder does. */
function stripsLeadingSpace(decoder: unknown): boolean {
  return componentsOf(decoder).some((step) => {
    if (step.type === 'Strip') return step.content === ' ' && typeof step.start === 'number' && step.start > 0
    if (step.type === 'Metaspace') return step.prepend_scheme !== 'never' && step.add_prefix_space !== false
    return step.type === 'WordPiece'
  })
}

function unknownOf(model: JsonObject, config: JsonObject, vocabulary: Vocabulary): number | null {
  if (typeof model.unk_id === 'number') return asId(model.unk_id, vocabulary.size, 'tokenizer.json: model.unk_id')
  const token = textOf(model.unk_token) ?? textOf(config.unk_token)
  return token === null ? null : (vocabulary.ids.get(token) ?? null)
}

type SpecialIds = { bosId: number | null; eosId: number | null; padId: number | null; endIds: number[] }

function specialIds(config: JsonObject, generation: JsonObject, vocabulary: Vocabulary): SpecialIds {
  const inside = (id: unknown): id is number =>
    Number.isInteger(id) && (id as number) >= 0 && (id as number) < vocabulary.size
  const listed = Array.isArray(generation.eos_token_id) ? generation.eos_token_id : [generation.eos_token_id]
  const ends = listed.filter(inside)
  const named = (role: string): number | null => {
    const token = textOf(config[`${role}_token`])
    const id = token === null ? generation[`${role}_token_id`] : vocabulary.ids.get(token)
    return inside(id) ? id : null
  }
  const eosId = named('eos') ?? ends[0] ?? null
  return {
    bosId: named('bos'),
    eosId,
    padId: named('pad'),
    endIds: [...ends, ...(eosId === null ? [] : [eosId]), ...endOfTurnIds(vocabulary)],
  }
}

/** A token in tokenizer_config.json: a text, or an object with its content. */
function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return null
  const { content } = value as JsonObject
  return typeof content === 'string' ? content : null
}
