/** Writes the tokenizer of a safetensors folder as GGUF metadata, in the words that llama.cpp knows. */
import { gguf, type GgufValue } from '../formats/gguf-types'
import { correctControlTokens } from './control-texts'
import { readSentencePieceModel } from './from-sentencepiece'
import { key } from './gguf-metadata'
import { asList, asNumber, asObject, type JsonObject, typeOf } from './json-fields'
import { componentsOf, hasType } from './json-pre-tokenizer'
import { readAddedTokens, readMerges, readVocabulary } from './json-vocabulary'
import type { TokenizerFiles } from './load'
import { recognizePreTokenizer } from './recognize-pre-tokenizer'
import { meta } from './sentencepiece-normalizer'
import { type Tokenizer } from './tokenizer'
import { tokenType, type Vocabulary } from './vocabulary'

type Pairs = [name: string, value: GgufValue][]

/**
 * @param tokenizer what the files were loaded as
 * @throws MoruError unsupported for tokenizers that llama.cpp has no name for
 */
export function tokenizerMetadata(files: TokenizerFiles, tokenizer: Tokenizer): Map<string, GgufValue> {
  const own = files.json !== null ? fromJson(asObject(files.json, 'tokenizer.json')) : fromModel(files.model!)
  const pairs: Pairs = [...own, ...specialIds(tokenizer)]
  const metadata = new Map(pairs.map(([name, value]) => [key(name), value]))
  if (files.chatTemplate !== null) metadata.set('tokenizer.chat_template', gguf.text(files.chatTemplate))
  return metadata
}

function fromJson(json: JsonObject): Pairs {
  const model = asObject(json.model, 'tokenizer.json: model')
  const vocabulary = readVocabulary(model, readAddedTokens(json.added_tokens))
  correctControlTokens(vocabulary)
  const type = typeOf(model, 'tokenizer.json: model')
  if (type === 'WordPiece') return wordPiece(json, model, vocabulary)
  if (type === 'Unigram') return unigram(json, model, vocabulary)
  const merges = readMerges(model.merges)
  if (hasType(json.pre_tokenizer, 'ByteLevel') || hasType(json.decoder, 'ByteLevel')) {
    return [
      ['model', gguf.text('gpt2')],
      ['pre', gguf.text(recognizePreTokenizer(json))],
      ...vocabularyPairs(vocabulary.tokens, vocabulary.types),
      ['merges', gguf.texts(merges.map(([left, right]) => `${left} ${right}`))],
    ]
  }
  return [
    ['model', gguf.text('llama')],
    ['pre', gguf.text('default')],
    ...vocabularyPairs(vocabulary.tokens, vocabulary.types),
    ['scores', gguf.numbers('f32', scoresFromMerges(vocabulary, merges))],
    ['add_space_prefix', gguf.flag(prefixesSpace(json))],
  ]
}

/** Tokens and their types; the vocabulary may be longer than the model's embedding only by a fault of the files. */
const vocabularyPairs = (tokens: readonly string[], types: ArrayLike<number>): Pairs => [
  ['tokens', gguf.texts(tokens)],
  ['token_type', gguf.numbers('i32', Int32Array.from(types))],
]

/** The earlier a token can be made, the better it scores: SentencePiece then joins in the order of the merges. */
function scoresFromMerges(vocabulary: Vocabulary, merges: readonly (readonly [string, string])[]): Float32Array {
  const scores = new Float32Array(vocabulary.size)
  const ranks = new Map<string, number>()
  for (const [left, right] of merges) if (!ranks.has(left + right)) ranks.set(left + right, ranks.size)
  vocabulary.tokens.forEach((token, id) => {
    if (vocabulary.types[id] === tokenType.normal) scores[id] = -(ranks.get(token) ?? ranks.size)
  })
  return scores
}

function prefixesSpace(json: JsonObject): boolean {
  const prepends = componentsOf(json.normalizer).some((step) => step.type === 'Prepend')
  return (
    prepends || componentsOf(json.pre_tokenizer).some((step) => step.type === 'Metaspace' && metaspacePrefixes(step))
  )
}

const metaspacePrefixes = (step: JsonObject): boolean =>
  step.prepend_scheme !== undefined ? step.prepend_scheme !== 'never' : step.add_prefix_space !== false

function unigram(json: JsonObject, model: JsonObject, vocabulary: Vocabulary): Pairs {
  const scores = new Float32Array(vocabulary.size)
  asList(model.vocab, 'tokenizer.json: model.vocab').forEach((entry, id) => {
    scores[id] = asNumber(asList(entry, 'tokenizer.json: model.vocab')[1], 'tokenizer.json: model.vocab')
  })
  const steps = componentsOf(json.normalizer)
  const rules = steps.find((step) => step.type === 'Precompiled')?.precompiled_charsmap
  const charsmap = typeof rules === 'string' && rules !== '' ? Buffer.from(rules, 'base64') : null
  return [
    ['model', gguf.text('t5')],
    ['pre', gguf.text('default')],
    ...vocabularyPairs(vocabulary.tokens, vocabulary.types),
    ['scores', gguf.numbers('f32', scores)],
    ['add_space_prefix', gguf.flag(prefixesSpace(json))],
    ['remove_extra_whitespaces', gguf.flag(steps.some((step) => step.type === 'Replace' || step.type === 'Strip'))],
    ...(charsmap ? ([['precompiled_charsmap', gguf.numbers('u8', charsmap)]] satisfies Pairs) : []),
  ]
}

/** GGUF marks pieces that begin a word, tokenizer.json those that go on. */
function wordPiece(json: JsonObject, model: JsonObject, vocabulary: Vocabulary): Pairs {
  const mark = typeof model.continuing_subword_prefix === 'string' ? model.continuing_subword_prefix : '##'
  const tokens = vocabulary.tokens.map((token, id) => {
    if (vocabulary.types[id] !== tokenType.normal || /^\[.*\]$/.test(token)) return token
    return token.startsWith(mark) ? token.slice(mark.length) : meta + token
  })
  const normalizer = componentsOf(json.normalizer).find((step) => step.type === 'BertNormalizer')
  return [
    ['model', gguf.text('bert')],
    ['pre', gguf.text('default')],
    ...vocabularyPairs(tokens, vocabulary.types),
    ...(normalizer?.lowercase === false ? ([['normalizer.lowercase', gguf.flag(false)]] satisfies Pairs) : []),
  ]
}

function fromModel(bytes: Uint8Array): Pairs {
  const model = readSentencePieceModel(bytes)
  const unigramModel = model.kind === 1
  return [
    ['model', gguf.text(unigramModel ? 't5' : 'llama')],
    ['pre', gguf.text('default')],
    ...vocabularyPairs(model.pieces, model.types),
    ['scores', gguf.numbers('f32', model.scores)],
    ['add_space_prefix', gguf.flag(model.addDummyPrefix)],
    ...(unigramModel ? ([['remove_extra_whitespaces', gguf.flag(model.removeExtraWhitespaces)]] satisfies Pairs) : []),
    ...(model.charsmap ? ([['precompiled_charsmap', gguf.numbers('u8', model.charsmap)]] satisfies Pairs) : []),
  ]
}

function specialIds(tokenizer: Tokenizer): Pairs {
  const around = tokenizer.encode('', { special: false, affixes: true })
  const bert = tokenizer.kind === 'wordpiece'
  const bos = bert ? (around[0] ?? null) : tokenizer.bosId
  const eos = bert ? (around.at(-1) ?? null) : tokenizer.eosId
  const turn = [...tokenizer.endIds].find((id) => id !== eos)
  const ids: [string, number | null][] = [
    ['bos_token_id', bos],
    ['eos_token_id', eos],
    ['eot_token_id', turn ?? null],
    ['unknown_token_id', tokenizer.unknownId],
    ['seperator_token_id', bert ? eos : null],
    ['padding_token_id', tokenizer.padId],
    ['cls_token_id', bert ? bos : null],
  ]
  return [
    ...ids.flatMap(([name, id]): Pairs => (id === null ? [] : [[name, gguf.u32(id)]])),
    ['add_bos_token', gguf.flag(bert || tokenizer.addBos)],
    ['add_eos_token', gguf.flag(bert || tokenizer.addEos)],
  ]
}
