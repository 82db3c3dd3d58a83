/** Writes the tokenizer of a GGUF file's metadata as tokenizer.json and tokenizer_config.json, which transformers reads. */
import { MoruError } from '../../../shared/errors'
import { parseMerges } from './byte-level-bpe'
import { correctControlTokens } from './control-texts'
import { tokenizerFromGguf } from './from-gguf'
import { byteList, flag, key, type Metadata, numberList, stringList, text } from './gguf-metadata'
import { type JsonObject } from './json-fields'
import { preTokenizerOf } from './pre-tokenizers'
import { meta } from './sentencepiece-normalizer'
import { type Tokenizer } from './tokenizer'
import { tokenType, Vocabulary } from './vocabulary'

export interface TokenizerJson {
  /** tokenizer.json */
  tokenizer: JsonObject
  /** tokenizer_config.json */
  config: JsonObject
}

/** The parts of tokenizer.json that depend on the kind of tokenizer. */
type Parts = Pick<JsonObject, 'normalizer' | 'pre_tokenizer' | 'decoder' | 'model'> & { post: JsonObject | null }

/** @throws MoruError as tokenizerFromGguf */
export function tokenizerJsonOf(metadata: Metadata): TokenizerJson {
  const tokenizer = tokenizerFromGguf(metadata)
  const tokens = stringList(metadata, key('tokens')) ?? []
  const vocabulary = new Vocabulary(tokens, numberList(metadata, key('token_type')), key('tokens'))
  correctControlTokens(vocabulary)
  const { post, ...parts } = partsOf(metadata, tokenizer, vocabulary)
  return {
    tokenizer: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens(vocabulary),
      normalizer: parts.normalizer,
      pre_tokenizer: parts.pre_tokenizer,
      post_processor: post ?? affixes(tokenizer),
      decoder: parts.decoder,
      model: parts.model,
    },
    config: tokenizerConfig(metadata, tokenizer, vocabulary),
  }
}

function partsOf(metadata: Metadata, tokenizer: Tokenizer, vocabulary: Vocabulary): Parts {
  switch (tokenizer.kind) {
    case 'bpe':
      return byteLevel(metadata, tokenizer, vocabulary)
    case 'spm':
      return sentencePieceBpe(metadata, tokenizer, vocabulary)
    case 'unigram':
      return unigram(metadata, tokenizer, vocabulary)
    case 'wordpiece':
      return wordPiece(metadata, tokenizer, vocabulary)
    case 'none':
      throw new MoruError('not_found', 'There is no tokenizer to write.')
  }
}

function addedTokens(vocabulary: Vocabulary): JsonObject[] {
  const added: JsonObject[] = []
  vocabulary.tokens.forEach((content, id) => {
    const type = vocabulary.types[id]
    if (type !== tokenType.control && type !== tokenType.unknown && type !== tokenType.userDefined) return
    const special = type !== tokenType.userDefined
    added.push({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special })
  })
  return added
}

const vocabOf = (vocabulary: Vocabulary): Record<string, number> => Object.fromEntries(vocabulary.ids)

/** "a b" as the older spelling has it, unless a token holds a space itself. */
function spellMerges(pairs: readonly (readonly [string, string])[]): (string | readonly [string, string])[] {
  const spaced = pairs.some(([left, right]) => left.includes(' ') || right.includes(' '))
  return spaced ? [...pairs] : pairs.map(([left, right]) => `${left} ${right}`)
}

function byteLevel(metadata: Metadata, tokenizer: Tokenizer, vocabulary: Vocabulary): Parts {
  const name = text(metadata, key('pre')) ?? 'default'
  const pre = preTokenizerOf(name)
  // ByteLevel's own expression is GPT-2's; every other is written out.
  const gpt2 = pre.patterns.at(-1)!.source === preTokenizerOf('gpt-2').patterns[0].source
  const written = gpt2 ? pre.patterns.slice(0, -1) : pre.patterns
  const steps = [
    ...written.map((pattern) => split(pattern)),
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: gpt2 },
  ]
  const byteLevelStep = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true }
  const around = affixes(tokenizer)
  return {
    normalizer: null,
    pre_tokenizer: steps.length === 1 ? steps[0] : { type: 'Sequence', pretokenizers: steps },
    post: around ? { type: 'Sequence', processors: [byteLevelStep, around] } : byteLevelStep,
    decoder: byteLevelStep,
    model: bpeModel({
      vocab: vocabOf(vocabulary),
      merges: spellMerges([...parseMerges(stringList(metadata, key('merges')) ?? [])]),
      ignore_merges: pre.ignoreMerges,
    }),
  }
}

const bpeModel = (own: JsonObject): JsonObject => ({
  type: 'BPE',
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ...own,
})

/** In Oniguruma's words, which tokenizers speaks. */
function split(pattern: RegExp): JsonObject {
  const source = pattern.source.replaceAll('\\p{White_Space}', '\\s').replaceAll('\\P{White_Space}', '\\S')
  return { type: 'Split', pattern: { Regex: source }, behavior: 'Isolated', invert: false }
}

function sentencePieceBpe(metadata: Metadata, tokenizer: Tokenizer, vocabulary: Vocabulary): Parts {
  const scores = numberList(metadata, key('scores')) ?? []
  const spaces = { type: 'Replace', pattern: { String: ' ' }, content: meta }
  const prefix = tokenizer.leadingSpace
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: [...charsmapSteps(metadata), ...(prefix ? [{ type: 'Prepend', prepend: meta }] : []), spaces],
    },
    pre_tokenizer: null,
    post: null,
    decoder: sentencePieceDecoder(prefix),
    model: bpeModel({
      unk_token: tokenizer.unknownId === null ? null : vocabulary.tokens[tokenizer.unknownId],
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: vocabOf(vocabulary),
      merges: spellMerges(mergesFromScores(vocabulary, scores)),
    }),
  }
}

const sentencePieceDecoder = (prefix: boolean): JsonObject => ({
  type: 'Sequence',
  decoders: [
    { type: 'Replace', pattern: { String: meta }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
  ],
})

/**
 * SentencePiece joins the two neighbours whose union scores best; merges by rank do the same when every way to make a token
 * is listed, in the order of the tokens' scores.
 */
function mergesFromScores(vocabulary: Vocabulary, scores: ArrayLike<number>): [string, string][] {
  const ordered = Array.from({ length: vocabulary.size }, (_, id) => id)
    .filter((id) => vocabulary.types[id] === tokenType.normal || vocabulary.types[id] === tokenType.userDefined)
    .sort((a, b) => scores[b] - scores[a] || a - b)
  const merges: [string, string][] = []
  for (const id of ordered) {
    const token = vocabulary.tokens[id]
    for (let at = 1; at < token.length; at++) {
      const low = token.charCodeAt(at)
      // Between the halves of a surrogate pair is no boundary.
      if (low >= 0xdc00 && low <= 0xdfff) continue
      const [left, right] = [token.slice(0, at), token.slice(at)]
      if (vocabulary.ids.has(left) && vocabulary.ids.has(right)) merges.push([left, right])
    }
  }
  return merges
}

function charsmapSteps(metadata: Metadata): JsonObject[] {
  const charsmap = byteList(metadata, key('precompiled_charsmap'))
  const rules = charsmap && charsmap.length > 0 ? Buffer.from(charsmap).toString('base64') : null
  const extra = flag(metadata, key('remove_extra_whitespaces')) ?? false
  return [
    ...(rules ? [{ type: 'Precompiled', precompiled_charsmap: rules }] : []),
    ...(extra
      ? [
          { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' },
          { type: 'Strip', strip_left: true, strip_right: true },
        ]
      : []),
  ]
}

function unigram(metadata: Metadata, tokenizer: Tokenizer, vocabulary: Vocabulary): Parts {
  const scores = numberList(metadata, key('scores')) ?? []
  const steps = charsmapSteps(metadata)
  const metaspace = {
    type: 'Metaspace',
    replacement: meta,
    prepend_scheme: tokenizer.leadingSpace ? 'always' : 'never',
    split: false,
  }
  return {
    normalizer: steps.length > 0 ? { type: 'Sequence', normalizers: steps } : null,
    pre_tokenizer: metaspace,
    post: null,
    decoder: metaspace,
    model: {
      type: 'Unigram',
      unk_id: tokenizer.unknownId,
      vocab: vocabulary.tokens.map((token, id) => [token, scores[id]]),
      byte_fallback: vocabulary.byteTokens().every((id) => id >= 0),
    },
  }
}

function wordPiece(metadata: Metadata, tokenizer: Tokenizer, vocabulary: Vocabulary): Parts {
  const lowercase = flag(metadata, key('normalizer.lowercase')) ?? true
  const spelled = (token: string, id: number): string => {
    if (vocabulary.types[id] !== tokenType.normal) return token
    return token.startsWith(meta) ? token.slice(meta.length) : `##${token}`
  }
  return {
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post: null,
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: tokenizer.unknownId === null ? '[UNK]' : vocabulary.tokens[tokenizer.unknownId],
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocabulary.tokens.map((token, id) => [spelled(token, id), id])),
    },
  }
}

/** What encoding puts around a text, as a template. */
function affixes(tokenizer: Tokenizer): JsonObject | null {
  const around = tokenizer.encode('', { special: false, affixes: true })
  if (around.length === 0) return null
  const parted = tokenizer.addBos ? [around.slice(0, 1), around.slice(1)] : [[], around]
  const single = (ids: number[]): JsonObject[] =>
    ids.map((id) => ({ SpecialToken: { id: tokenizer.token(id), type_id: 0 } }))
  const tokens = [...new Set(around)].map((id) => {
    const token = tokenizer.token(id)
    return [token, { id: token, ids: [id], tokens: [token] }] as const
  })
  const sequence = (id: string, type: number): JsonObject => ({ Sequence: { id, type_id: type } })
  return {
    type: 'TemplateProcessing',
    single: [...single(parted[0]), sequence('A', 0), ...single(parted[1])],
    pair: [...single(parted[0]), sequence('A', 0), ...single(parted[1]), sequence('B', 1), ...single(parted[1])],
    special_tokens: Object.fromEntries(tokens),
  }
}

function tokenizerConfig(metadata: Metadata, tokenizer: Tokenizer, vocabulary: Vocabulary): JsonObject {
  const architecture = text(metadata, 'general.architecture') ?? ''
  const length = metadata.get(`${architecture}.context_length`)
  const named = (id: number | null): string | null => (id === null ? null : vocabulary.tokens[id])
  const template = text(metadata, 'tokenizer.chat_template')
  const wordpiece = tokenizer.kind === 'wordpiece'
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: wordpiece ? null : named(tokenizer.bosId),
    eos_token: wordpiece ? null : named(tokenizer.eosId),
    unk_token: named(tokenizer.unknownId),
    pad_token: named(tokenizer.padId),
    ...(wordpiece && { cls_token: named(tokenizer.bosId), sep_token: named(tokenizer.eosId), mask_token: '[MASK]' }),
    add_bos_token: tokenizer.addBos,
    add_eos_token: tokenizer.addEos,
    clean_up_tokenization_spaces: wordpiece,
    ...(typeof length === 'number' && { model_max_length: length }),
    ...(template !== null && { chat_template: template }),
  }
}
