/** Tokenizers put into the other format give the same ids: GGUF metadata as tokenizer.json, tokenizer.json as GGUF metadata. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import type { GgufValue } from '../../../src/main/engine/formats/gguf-types'
import { tokenizerFromGguf } from '../../../src/main/engine/tokenizer/from-gguf'
import { tokenizerFromJson } from '../../../src/main/engine/tokenizer/from-json'
import type { Metadata } from '../../../src/main/engine/tokenizer/gguf-metadata'
import { tokenizerFromFiles, type TokenizerFiles } from '../../../src/main/engine/tokenizer/load'
import { preTokenizerNames, preTokenizerOf } from '../../../src/main/engine/tokenizer/pre-tokenizers'
import { recognizePreTokenizer } from '../../../src/main/engine/tokenizer/recognize-pre-tokenizer'
import { tokenizerMetadata } from '../../../src/main/engine/tokenizer/to-gguf'
import { tokenizerJsonOf } from '../../../src/main/engine/tokenizer/to-json'
import type { Tokenizer } from '../../../src/main/engine/tokenizer/tokenizer'
import { golden, readGolden } from '../golden'

const resources = join(import.meta.dirname, '../../../resources/models')
interface Case {
  text: string
}
const texts = [
  ...readGolden<Case[]>('tokenizers', 'smollm2.json').map(({ text }) => text),
  'Hello <s>world</s> <|im_start|>user\n안녕하세요<|im_end|>',
]

const values = (metadata: ReadonlyMap<string, GgufValue>): Metadata =>
  new Map([...metadata].map(([key, { value }]) => [key, value as never]))

function expectSame(a: Tokenizer, b: Tokenizer): void {
  for (const text of texts)
    for (const special of [true, false]) {
      const options = { special, affixes: true }
      expect(b.encode(text, options), JSON.stringify(text)).toEqual(a.encode(text, options))
    }
  for (const key of ['bosId', 'eosId', 'padId', 'unknownId', 'vocabSize', 'kind'] as const) expect(b[key]).toBe(a[key])
  expect([...b.endIds].sort()).toEqual([...a.endIds].sort())
  const ids = a.encode(texts[0] + ' 가나다', { special: true })
  expect(b.decode(ids)).toBe(a.decode(ids))
}

const empty: TokenizerFiles = { json: null, model: null, config: null, generation: null, chatTemplate: null }

describe('GGUF metadata as tokenizer.json, and back', () => {
  it.each([
    ['byte-level BPE', join(resources, 'smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1-00001-of-00003.gguf')],
    ['SentencePiece BPE', golden('tokenizers', 'sentencepiece', 'spm-bpe.gguf')],
    ['SentencePiece BPE without a prefix', golden('tokenizers', 'sentencepiece', 'spm-bpe-noprefix.gguf')],
  ])('%s', async (_, path) => {
    const file = await openModelFile(path)
    const original = tokenizerFromGguf(file.metadata)
    const { tokenizer, config } = tokenizerJsonOf(file.metadata)
    const files = { ...empty, json: JSON.parse(JSON.stringify(tokenizer)) as unknown, config }
    expectSame(original, tokenizerFromFiles('x', files))
    expect(config.chat_template).toBe(file.metadata.get('tokenizer.chat_template'))
    const back = tokenizerMetadata(files, tokenizerFromFiles('x', files))
    expectSame(original, tokenizerFromGguf(values(back)))
    expect(back.get('tokenizer.ggml.tokens')?.value).toEqual(file.metadata.get('tokenizer.ggml.tokens'))
    await file.close()
  })
})

describe('safetensors tokenizers as GGUF metadata, and back', () => {
  it.each(['spm-bpe', 'spm-bpe-noprefix', 'spm-unigram'])('%s.model', async (name) => {
    const model = new Uint8Array(await readFile(golden('tokenizers', 'sentencepiece', `${name}.model`)))
    const files = { ...empty, model }
    const original = tokenizerFromFiles('x', files)
    const metadata = values(tokenizerMetadata(files, original))
    const gguf = tokenizerFromGguf(metadata)
    // GGUF readers put the space after control tokens too; plain texts are the same.
    for (const text of texts)
      expect(gguf.encode(text, { special: false, affixes: true })).toEqual(
        original.encode(text, { special: false, affixes: true }),
      )
    const { tokenizer, config } = tokenizerJsonOf(metadata)
    expectSame(gguf, tokenizerFromJson(JSON.parse(JSON.stringify(tokenizer)), config))
  })

  it('WordPiece', async () => {
    const read = async (name: string): Promise<unknown> =>
      JSON.parse(await readFile(join(resources, 'all-minilm-l6-v2', name), 'utf8'))
    const files = { ...empty, json: await read('tokenizer.json'), config: await read('tokenizer_config.json') }
    const original = tokenizerFromFiles('x', files)
    const metadata = values(tokenizerMetadata(files, original))
    const gguf = tokenizerFromGguf(metadata)
    const { tokenizer, config } = tokenizerJsonOf(metadata)
    const again = tokenizerFromJson(JSON.parse(JSON.stringify(tokenizer)), config)
    for (const text of texts)
      for (const found of [gguf, again])
        expect(found.encode(text, { special: true, affixes: true })).toEqual(
          original.encode(text, { special: true, affixes: true }),
        )
  })
})

it('recognises every way to cut text that GGUF has a name for', () => {
  for (const name of preTokenizerNames) {
    const pre = preTokenizerOf(name)
    const pretokenizers = [
      ...pre.patterns.map(({ source }) => ({ type: 'Split', pattern: { Regex: source }, behavior: 'Isolated' })),
      { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
    ]
    const found = recognizePreTokenizer({
      pre_tokenizer: { type: 'Sequence', pretokenizers },
      post_processor: pre.addSep ? { type: 'RobertaProcessing' } : null,
      model: { ignore_merges: pre.ignoreMerges },
    })
    expect(preTokenizerOf(found), name).toMatchObject({ patterns: pre.patterns, addSep: pre.addSep })
  }
  const odd = { pre_tokenizer: { type: 'WhitespaceSplit' }, model: {} }
  expect(() => recognizePreTokenizer(odd)).toThrow(/a way that GGUF has no name for/)
})
