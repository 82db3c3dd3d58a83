import { MoruError } from '../../../shared/errors'
import { bytesOfToken } from './byte-alphabet'
import { ByteLevelBpe, parseMerges } from './byte-level-bpe'
import { flag, type Metadata, numberList, stringList, text, tokenId } from './gguf-metadata'
import { preTokenizerOf, splitText } from './pre-tokenizers'
import { type Tokenizer } from './tokenizer'
import { Vocabulary } from './vocabulary'
import { matchedTokens, type TokenizerParts, VocabularyTokenizer } from './vocabulary-tokenizer'

const key = (name: string): string => `tokenizer.ggml.${name}`

/** Texts of tokens that end a turn, for files that do not name theirs; the list is llama.cpp's. */
const endOfTurnTexts = [
  '<|eot_id|>',
  '<|im_end|>',
  '<|end|>',
  '<end_of_turn>',
  '<|endoftext|>',
  '<|eom_id|>',
  '<EOT>',
  '_<EOT>',
  '<|end_of_text|>',
  '<end_of_utterance>',
]

type Special = Pick<TokenizerParts, 'bosId' | 'eosId' | 'unknownId' | 'padId' | 'endIds'>

/**
 * The tokenizer that a GGUF file's metadata holds. Throws `invalid_file` when tables are missing or contradict each
 * other, `unsupported` for a tokenizer that Moru does not read.
 */
export function tokenizerFromGguf(metadata: Metadata): Tokenizer {
  const model = text(metadata, key('model'))
  const tokens = stringList(metadata, key('tokens'))
  if (model === null || tokens === null)
    throw new MoruError(
      'invalid_file',
      `The file has no tokenizer (${key(model === null ? 'model' : 'tokens')} is missing); import the model with its vocabulary.`,
    )
  const vocabulary = new Vocabulary(tokens, numberList(metadata, key('token_type')), key('tokens'))
  if (model === 'gpt2') return byteLevel(metadata, vocabulary)
  throw new MoruError(
    'unsupported',
    `${key('model')}: Moru does not read ${JSON.stringify(model.slice(0, 40))} tokenizers; it reads gpt2, llama, t5 and bert.`,
  )
}

function byteLevel(metadata: Metadata, vocabulary: Vocabulary): Tokenizer {
  const merges = stringList(metadata, key('merges'))
  if (merges === null) throw new MoruError('invalid_file', `${key('merges')} is missing: byte-level BPE needs it.`)
  const pre = preTokenizerOf(text(metadata, key('pre')) ?? 'default')
  return new VocabularyTokenizer({
    kind: 'bpe',
    vocabulary,
    model: new ByteLevelBpe(vocabulary, parseMerges(merges), merges.length, {
      split: (part) => splitText(part, pre.patterns),
      ignoreMerges: pre.ignoreMerges,
    }),
    matched: matchedTokens(vocabulary),
    spell: bytesOfToken,
    ...specialIds(metadata, vocabulary),
    addBos: flag(metadata, key('add_bos_token')) ?? pre.addBos,
    addEos: flag(metadata, key('add_eos_token')) ?? false,
    leadingSpace: false,
  })
}

function specialIds(metadata: Metadata, vocabulary: Vocabulary): Special {
  const id = (name: string): number | null => tokenId(metadata, key(name), vocabulary.size)
  const eosId = id('eos_token_id')
  const ends = new Set<number>()
  for (const end of [eosId, id('eot_token_id'), id('eom_token_id')]) if (end !== null) ends.add(end)
  for (const end of endOfTurnTexts) {
    const found = vocabulary.ids.get(end)
    if (found !== undefined) ends.add(found)
  }
  return {
    bosId: id('bos_token_id'),
    eosId,
    unknownId: id('unknown_token_id'),
    padId: id('padding_token_id'),
    endIds: ends,
  }
}
