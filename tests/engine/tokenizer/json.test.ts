import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { tokenizerFromJson } from '../../../src/main/engine/tokenizer/from-json'
import { splitterOf } from '../../../src/main/engine/tokenizer/json-pre-tokenizer'
import { loadTokenizerFromFolder } from '../../../src/main/engine/tokenizer/load'
import { readFields } from '../../../src/main/engine/tokenizer/protobuf'
import { golden, readMetadata } from './gguf-reader'

interface Row {
  text: string
  ids: number[]
  decoded: string
}

const folder = 'tokenizers/sentencepiece'
const rows = (name: string): Row[] => JSON.parse(readFileSync(golden(`${folder}/${name}.json`), 'utf8')) as Row[]
const added = ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, special: true }))

/** A SentencePiece BPE vocabulary as transformers converts it: every split of a piece into two pieces is a merge. */
function llamaJson(name: string, prefix: boolean): Record<string, unknown> {
  const metadata = readMetadata(golden(`${folder}/${name}.gguf`))
  const tokens = metadata.get('tokenizer.ggml.tokens') as string[]
  const scores = metadata.get('tokenizer.ggml.scores') as number[]
  const types = metadata.get('tokenizer.ggml.token_type') as number[]
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const merges: [string, string][] = []
  const byScore = tokens.map((_, id) => id).filter((id) => types[id] === 1).sort((a, b) => scores[b] - scores[a]) // prettier-ignore
  for (const id of byScore)
    for (let cut = 1; cut < tokens[id].length; cut++)
      if (ids.has(tokens[id].slice(0, cut)) && ids.has(tokens[id].slice(cut)))
        merges.push([tokens[id].slice(0, cut), tokens[id].slice(cut)])
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: '▁' }
  const decoders = [{ ...replace, pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }]
  return {
    added_tokens: added,
    normalizer: { type: 'Sequence', normalizers: [...(prefix ? [{ type: 'Prepend', prepend: '▁' }] : []), replace] },
    pre_tokenizer: null,
    decoder: { type: 'Sequence', decoders: [...decoders, ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [])] }, // prettier-ignore
    model: { type: 'BPE', vocab: Object.fromEntries(ids), merges, unk_token: '<unk>', byte_fallback: true },
  }
}

/** The unigram .model as transformers converts it. */
function unigramJson(): Record<string, unknown> {
  const vocab: [string, number][] = []
  let charsmap = new Uint8Array(0)
  for (const { number, value } of readFields(readFileSync(golden(`${folder}/spm-unigram.model`)), 'model')) {
    const fields = new Map(typeof value === 'number' ? [] : [...readFields(value, 'part')].map((f) => [f.number, f.value])) // prettier-ignore
    if (number === 1) {
      const score = Buffer.from(fields.get(2) as Uint8Array).readFloatLE(0)
      vocab.push([Buffer.from(fields.get(1) as Uint8Array).toString(), score])
    } else if (number === 3) charsmap = fields.get(2) as Uint8Array<ArrayBuffer>
  }
  const normalizers = [
    { type: 'Precompiled', precompiled_charsmap: Buffer.from(charsmap).toString('base64') },
    { type: 'Strip', strip_left: true, strip_right: true },
    { type: 'Replace', pattern: { Regex: ' {2,}' }, content: '▁' },
  ]
  const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true }
  return {
    added_tokens: added,
    normalizer: { type: 'Sequence', normalizers },
    pre_tokenizer: metaspace,
    decoder: metaspace,
    model: { type: 'Unigram', vocab, unk_id: 0, byte_fallback: true },
  }
}

describe.each([
  ['spm-bpe', 'spm', llamaJson('spm-bpe', true)],
  ['spm-bpe-noprefix', 'spm', llamaJson('spm-bpe-noprefix', false)],
  ['spm-unigram', 'unigram', unigramJson()],
])('%s as tokenizer.json', (name, kind, json) => {
  const tokenizer = tokenizerFromJson(json)
  it.each(rows(name))('encodes $text', (row) => {
    expect(tokenizer.kind).toBe(kind)
    expect(tokenizer.encode(row.text, { special: false })).toEqual(row.ids)
    expect(tokenizer.decode(row.ids)).toBe(row.decoded)
  })
})

describe('special tokens', () => {
  const json = llamaJson('spm-bpe', true)

  it('come from tokenizer_config.json and generation_config.json', () => {
    const config = { bos_token: '<s>', eos_token: { content: '</s>' }, add_bos_token: true }
    const tokenizer = tokenizerFromJson(json, config, { eos_token_id: [2, 5] })
    expect(tokenizer).toMatchObject({ bosId: 1, eosId: 2, unknownId: 0, addBos: true, addEos: false })
    expect([...tokenizer.endIds]).toEqual([2, 5])
    expect(tokenizer.encode('', { special: false, affixes: true })).toEqual([1])
  })

  it('surround a text as the post-processor says', () => {
    const single = [{ SpecialToken: { id: '<s>' } }, { Sequence: { id: 'A' } }, { SpecialToken: { id: '</s>' } }]
    const special_tokens = { '<s>': { ids: [1] }, '</s>': { ids: [2] } }
    const post_processor = { type: 'Sequence', processors: [{ type: 'TemplateProcessing', single, special_tokens }] }
    const tokenizer = tokenizerFromJson({ ...json, post_processor }, { bos_token: '<s>', eos_token: '</s>' })
    expect(tokenizer).toMatchObject({ addBos: true, addEos: true })
    expect(tokenizer.encode('', { special: false, affixes: true })).toEqual([1, 2])
    const roberta = { type: 'RobertaProcessing', cls: ['<s>', 1], sep: ['</s>', 2] }
    expect(
      tokenizerFromJson({ ...json, post_processor: roberta }).encode('', { special: false, affixes: true }),
    ).toEqual([1, 2])
  })

  it('may take white space along or want a word of their own', () => {
    const mask = { id: 3, content: '<mask>', special: true, lstrip: true, rstrip: true }
    const word = { id: 4, content: 'dog', special: false, single_word: true }
    const vocab = { '<unk>': 0, '<s>': 1, '</s>': 2, a: 5, '▁': 6, d: 7, o: 8, g: 9, s: 10 }
    const tokenizer = tokenizerFromJson({
      ...json,
      added_tokens: [...added, mask, word],
      model: { type: 'BPE', vocab, merges: [] },
    })
    expect(tokenizer.encode('a <mask>  a', { special: true })).toEqual([6, 5, 3, 6, 5])
    expect(tokenizer.encode('dog', { special: false })).toEqual([4])
    expect(tokenizer.encode('dogs', { special: false })).toEqual([6, 7, 8, 9, 10])
  })
})

describe('pre-tokenizers', () => {
  const split = (behavior: string, invert = false): string[] =>
    splitterOf({ type: 'Split', pattern: { String: '-' }, behavior, invert })('a--b-c', true)

  it('arrange matches as told', () => {
    expect(split('Isolated')).toEqual(['a', '-', '-', 'b', '-', 'c'])
    expect(split('Removed')).toEqual(['a', 'b', 'c'])
    expect(split('Removed', true)).toEqual(['-', '-', '-'])
    expect(split('Contiguous')).toEqual(['a', '--', 'b', '-', 'c'])
    expect(split('MergedWithPrevious')).toEqual(['a-', '-', 'b-', 'c'])
    expect(split('MergedWithNext')).toEqual(['a', '-', '-b', '-c'])
  })

  it.each([
    [{ type: 'Digits', individual_digits: true }, ['a', '1', '½', '가']],
    [{ type: 'Digits', individual_digits: false }, ['a', '1½', '가']],
    [{ type: 'Whitespace' }, ['a1', '½', '가']],
    [{ type: 'WhitespaceSplit' }, ['a1½가']],
    [{ type: 'Punctuation', behavior: 'Isolated' }, ['a1½가']],
    [{ type: 'Metaspace', prepend_scheme: 'first' }, ['▁a1½가']],
    [
      { type: 'Split', pattern: { Regex: '(?i:A)|\\p{N}' }, behavior: 'Isolated', invert: false },
      ['a', '1', '½', '가'],
    ],
  ])('%o', (config, pieces) => {
    expect(splitterOf(config)('a1½가', true)).toEqual(pieces)
  })
})

describe('a model folder', () => {
  const inFolder = async (files: Record<string, string | Uint8Array>) => {
    const path = await mkdtemp(join(tmpdir(), 'moru-tokenizer-'))
    try {
      for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content)
      return await loadTokenizerFromFolder(path)
    } finally {
      await rm(path, { recursive: true })
    }
  }
  const model = readFileSync(golden(`${folder}/spm-bpe.model`))
  const hi = [{ role: 'user' as const, content: 'Hi' }]

  it('prefers tokenizer.json', async () => {
    const json = JSON.stringify(llamaJson('spm-bpe-noprefix', false))
    const { tokenizer, chatTemplate } = await inFolder({ 'tokenizer.json': json, 'tokenizer.model': model })
    expect(tokenizer.leadingSpace).toBe(false)
    expect(chatTemplate).toBeNull()
  })

  it('reads tokenizer.model and takes the template from the configuration', async () => {
    const config = JSON.stringify({ add_bos_token: false, chat_template: [{ name: 'rag', template: 'r' }, { name: 'default', template: '{{ messages[0].content }}!' }] }) // prettier-ignore
    const files = {
      'tokenizer.model': model,
      'tokenizer_config.json': config,
      'generation_config.json': '{"eos_token_id": 7}',
    }
    const { tokenizer, chatTemplate } = await inFolder(files)
    expect(tokenizer).toMatchObject({ kind: 'spm', addBos: false, vocabSize: 2000 })
    expect(tokenizer.endIds).toContain(7)
    expect(chatTemplate?.render(hi, { addGenerationPrompt: true })).toBe('Hi!')
    const jinja = await inFolder({ ...files, 'chat_template.jinja': 'own' })
    expect(jinja.chatTemplate?.render(hi, { addGenerationPrompt: true })).toBe('own')
  })

  it('says what is missing or broken', async () => {
    await expect(inFolder({})).rejects.toThrow(/neither tokenizer.json nor tokenizer.model/)
    await expect(inFolder({ 'tokenizer.json': '{' })).rejects.toThrow(/tokenizer.json is not JSON/)
    await expect(inFolder({ 'tokenizer.json': Uint8Array.of(0xff) })).rejects.toThrow(/tokenizer.json is not UTF-8/)
  })
})
