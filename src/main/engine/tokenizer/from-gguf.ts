import { MoruError } from '../../../shared/errors'
import { bytesOfToken } from './byte-alphabet'
import { ByteFallback } from './byte-fallback'
import { ByteLevelBpe, parseMerges } from './byte-level-bpe'
import { Charsmap } from './charsmap'
import { correctControlTokens, endOfTurnIds } from './control-texts'
import { byteList, flag, key, type Metadata, numberList, stringList, text, tokenId } from './gguf-metadata'
import { preTokenizerOf, splitText } from './pre-tokenizers'
import { CharacterBpe, ScoredMerges } from './sentencepiece-bpe'
import { meta, normalizeSpacing, type SpacingRules, spellPiece } from './sentencepiece-normalizer'
import { type Tokenizer } from './tokenizer'
import { Unigram } from './unigram'
import { byteOfToken, tokenType, Vocabulary } from './vocabulary'
import { matchedTokens, type TokenizerParts, VocabularyTokenizer } from './vocabulary-tokenizer'
import { bertWords, normalizeBert, WordPiece } from './wordpiece'

type Special = Pick<TokenizerParts, 'bosId' | 'eosId' | 'unknownId' | 'padId' | 'endIds'>
/** Ids where the file names none: those that the tokenizer's first models had. */
type Defaults = Partial<Record<'bos' | 'eos' | 'unknown' | 'pad', number>>

/**
 * The tokenizer that a GGUF file's metadata holds. Throws `invalid_file` when tables are missing or contradict each
 * other, `not_found` when there are none, `unsupported` for a tokenizer that Moru does not read.
 */
export function tokenizerFromGguf(metadata: Metadata): Tokenizer {
  const model = text(metadata, key('model'))
  const tokens = stringList(metadata, key('tokens'))
  if ((model === null && tokens === null) || model === 'no_vocab')
    throw new MoruError(
      'not_found',
      'The file has no tokenizer: import the model with its vocabulary, or give token ids.',
    )
  if (model === null || tokens === null)
    throw new MoruError(
      'invalid_file',
      `The file has no tokenizer (${key(model === null ? 'model' : 'tokens')} is missing); import the model with its vocabulary.`,
    )
  const vocabulary = new Vocabulary(tokens, numberList(metadata, key('token_type')), key('tokens'))
  correctControlTokens(vocabulary)
  if (model === 'gpt2') return byteLevel(metadata, vocabulary)
  if (model === 'llama') return sentencePieceBpe(metadata, vocabulary)
  if (model === 't5') return unigram(metadata, vocabulary)
  if (model === 'bert') return wordPiece(metadata, vocabulary)
  throw new MoruError(
    'unsupported',
    `${key('model')}: Moru does not read ${JSON.stringify(model.slice(0, 40))} tokenizers; it reads gpt2, llama, t5 and bert.`,
  )
}

function byteLevel(metadata: Metadata, vocabulary: Vocabulary): Tokenizer {
  const merges = stringList(metadata, key('merges'))
  if (merges === null) throw new MoruError('invalid_file', `${key('merges')} is missing: byte-level BPE needs it.`)
  const pre = preTokenizerOf(text(metadata, key('pre')) ?? 'default')
  const special = specialIds(metadata, vocabulary, {})
  const sep = separator(metadata, vocabulary, special)
  const addSep = (flag(metadata, key('add_sep_token')) ?? pre.addSep) && sep !== null
  return new VocabularyTokenizer({
    kind: 'bpe',
    vocabulary,
    model: new ByteLevelBpe(vocabulary, parseMerges(merges), merges.length, {
      split: (part) => splitText(part, pre.patterns),
      ignoreMerges: pre.ignoreMerges,
    }),
    matched: matchedTokens(vocabulary),
    spell: bytesOfToken,
    ...special,
    addBos: flag(metadata, key('add_bos_token')) ?? pre.addBos,
    addEos: flag(metadata, key('add_eos_token')) ?? false,
    leadingSpace: false,
    ...(addSep && { suffix: [sep] }),
  })
}

function sentencePieceBpe(metadata: Metadata, vocabulary: Vocabulary): Tokenizer {
  const rules = spacing(metadata, true)
  const merges = new ScoredMerges(vocabulary, scores(metadata), key('scores'))
  const special = specialIds(metadata, vocabulary, { bos: 1, eos: 2, unknown: 0 })
  return new VocabularyTokenizer({
    kind: 'spm',
    vocabulary,
    model: new CharacterBpe(
      vocabulary,
      {
        split: (part, first) => [normalizeSpacing(part, rules, first)],
        merges: (piece) => merges.within(piece),
        ignoreMerges: false,
      },
      new ByteFallback(vocabulary.byteTokens(), special.unknownId),
    ),
    matched: matchedTokens(vocabulary),
    spell,
    ...special,
    addBos: flag(metadata, key('add_bos_token')) ?? true,
    addEos: flag(metadata, key('add_eos_token')) ?? false,
    leadingSpace: rules.prefix !== 'never',
  })
}

function unigram(metadata: Metadata, vocabulary: Vocabulary): Tokenizer {
  const rules = spacing(metadata, false)
  const special = specialIds(metadata, vocabulary, { eos: 1, unknown: 2, pad: 0 })
  return new VocabularyTokenizer({
    kind: 'unigram',
    vocabulary,
    model: new Unigram(
      vocabulary,
      scores(metadata),
      key('scores'),
      (part, first) => [normalizeSpacing(part, rules, first)],
      new ByteFallback(vocabulary.byteTokens(), special.unknownId),
    ),
    matched: matchedTokens(vocabulary),
    spell,
    ...special,
    addBos: flag(metadata, key('add_bos_token')) ?? false,
    addEos: flag(metadata, key('add_eos_token')) ?? true,
    leadingSpace: rules.prefix !== 'never',
  })
}

/**
 * BERT: GGUF writes a piece that begins a word as ▁piece and one that continues it without a mark. Text is cleaned as in
 * transformers, Hangul decomposed to jamo included: the models were trained on that (llama.cpp keeps the first jamo only).
 */
function wordPiece(metadata: Metadata, vocabulary: Vocabulary): Tokenizer {
  const special = specialIds(metadata, vocabulary, { bos: 101, eos: 102, unknown: 100, pad: 0 })
  const cls = tokenId(metadata, key('cls_token_id'), vocabulary.size) ?? special.bosId
  const sep = separator(metadata, vocabulary, special)
  const starts = new Map<string, number>()
  const continuations = new Map<string, number>()
  for (const [token, id] of vocabulary.ids) {
    if (vocabulary.types[id] !== tokenType.normal) continue
    if (token.startsWith(meta)) starts.set(token.slice(meta.length), id)
    else continuations.set(token, id)
  }
  const lowercase = flag(metadata, key('normalizer.lowercase')) ?? true
  const rules = { cleanText: true, separateHan: true, lowercase, stripAccents: lowercase }
  return new VocabularyTokenizer({
    kind: 'wordpiece',
    vocabulary,
    model: new WordPiece({ starts, continuations, unknownId: special.unknownId }, (part) =>
      bertWords(normalizeBert(part, rules)),
    ),
    matched: matchedTokens(vocabulary),
    spell,
    ...special,
    addBos: cls !== null,
    addEos: sep !== null,
    leadingSpace: true,
    prefix: cls === null ? [] : [cls],
    suffix: sep === null ? [] : [sep],
  })
}

function spell(token: string, type: number): Uint8Array {
  const byte = type === tokenType.byte ? byteOfToken(token) : null
  return byte === null ? spellPiece(type === tokenType.unknown ? ' ⁇ ' : token) : Uint8Array.of(byte)
}

function scores(metadata: Metadata): ArrayLike<number> {
  const values = numberList(metadata, key('scores'))
  if (values) return values
  throw new MoruError('invalid_file', `${key('scores')} is missing: this kind of tokenizer needs one score a token.`)
}

function spacing(metadata: Metadata, prefix: boolean): SpacingRules {
  const charsmap = byteList(metadata, key('precompiled_charsmap'))
  return {
    charsmap: charsmap && charsmap.length > 0 ? new Charsmap(charsmap, key('precompiled_charsmap')) : null,
    prefix: (flag(metadata, key('add_space_prefix')) ?? prefix) ? 'always' : 'never',
    removeExtra: flag(metadata, key('remove_extra_whitespaces')) ?? false,
  }
}

function separator(metadata: Metadata, vocabulary: Vocabulary, special: Special): number | null {
  // The misspelling is GGUF's own.
  return tokenId(metadata, key('seperator_token_id'), vocabulary.size) ?? special.eosId
}

function specialIds(metadata: Metadata, vocabulary: Vocabulary, defaults: Defaults): Special {
  const id = (name: string, other?: number): number | null => {
    if (metadata.has(key(name))) return tokenId(metadata, key(name), vocabulary.size)
    return other !== undefined && other < vocabulary.size ? other : null
  }
  const eosId = id('eos_token_id', defaults.eos)
  const ends = [eosId, id('eot_token_id'), id('eom_token_id')].filter((end) => end !== null)
  return {
    bosId: id('bos_token_id', defaults.bos),
    eosId,
    unknownId: id('unknown_token_id', defaults.unknown),
    padId: id('padding_token_id', defaults.pad),
    endIds: [...ends, ...endOfTurnIds(vocabulary)],
  }
}
