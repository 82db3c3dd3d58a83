import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tokenizerFromGguf } from '../../../src/main/engine/tokenizer/from-gguf'
import { tokenizerFromSentencePiece } from '../../../src/main/engine/tokenizer/from-sentencepiece'
import { readFields } from '../../../src/main/engine/tokenizer/protobuf'
import { StreamDecoder } from '../../../src/main/engine/tokenizer/stream-decoder'
import { golden, readMetadata } from './gguf-reader'

interface Row {
  text: string
  ids: number[]
  pieces: string[]
  decoded: string
}

const folder = 'tokenizers/sentencepiece'
const rows = (name: string): Row[] => JSON.parse(readFileSync(golden(`${folder}/${name}.json`), 'utf8')) as Row[]
const fromModel = (name: string) => tokenizerFromSentencePiece(readFileSync(golden(`${folder}/${name}.model`)))
const fromGguf = (name: string) => tokenizerFromGguf(readMetadata(golden(`${folder}/${name}.gguf`)))

/** The unigram .model's tables as GGUF metadata. */
function unigramMetadata(): Map<string, string | string[] | number[] | boolean> {
  const tokens: string[] = []
  const scores: number[] = []
  const types: number[] = []
  let charsmap: number[] = []
  for (const { number, value } of readFields(readFileSync(golden(`${folder}/spm-unigram.model`)), 'model')) {
    const fields = new Map(typeof value === 'number' ? [] : [...readFields(value, 'part')].map((f) => [f.number, f.value])) // prettier-ignore
    if (number === 3) charsmap = [...(fields.get(2) as Uint8Array)]
    if (number !== 1) continue
    tokens.push(Buffer.from(fields.get(1) as Uint8Array).toString())
    scores.push(Buffer.from(fields.get(2) as Uint8Array).readFloatLE(0))
    types.push((fields.get(3) as number | undefined) ?? 1)
  }
  const tables = { model: 't5', tokens, scores, token_type: types, precompiled_charsmap: charsmap, unknown_token_id: 0, eos_token_id: 2 } // prettier-ignore
  const all = { ...tables, add_space_prefix: true, remove_extra_whitespaces: true }
  return new Map(Object.entries(all).map(([key, value]) => [`tokenizer.ggml.${key}`, value as string[]]))
}

describe.each([
  ['spm-bpe', 'model', fromModel('spm-bpe')],
  ['spm-bpe', 'gguf', fromGguf('spm-bpe')],
  ['spm-bpe-noprefix', 'model', fromModel('spm-bpe-noprefix')],
  ['spm-bpe-noprefix', 'gguf', fromGguf('spm-bpe-noprefix')],
  ['spm-unigram', 'model', fromModel('spm-unigram')],
  ['spm-unigram', 'gguf', tokenizerFromGguf(unigramMetadata())],
])('%s from .%s', (name, _format, tokenizer) => {
  it.each(rows(name))('encodes and decodes $text', (row) => {
    const ids = tokenizer.encode(row.text, { special: false })
    expect(ids).toEqual(row.ids)
    expect(ids.map((id) => tokenizer.token(id))).toEqual(row.pieces)
    expect(tokenizer.decode(row.ids)).toBe(row.decoded)
  })
})

describe.each([
  ['BPE', fromModel('spm-bpe')],
  ['unigram', fromModel('spm-unigram')],
])('SentencePiece %s', (_name, tokenizer) => {
  it.each(['a', '가', ' ', '\n', 'the ', '<', '\u1112\u1161\u11ab', '½', '👩‍👩‍👧'])(
    'takes a million characters of %j in seconds',
    (unit) => {
      const text = unit.repeat(Math.ceil(1_000_000 / unit.length))
      const started = performance.now()
      const ids = tokenizer.encode(text, { special: true })
      // Linear takes up to 3 s on a busy machine; quadratic would take minutes.
      expect(performance.now() - started).toBeLessThan(15_000)
      if (tokenizer.kind === 'spm') expect(tokenizer.decode(ids) === text).toBe(true)
    },
  )

  it('streams what decode gives, however the ids are cut', () => {
    const ids = fc.array(fc.integer({ min: 0, max: tokenizer.vocabSize - 1 }), { maxLength: 40 })
    fc.assert(
      fc.property(ids, fc.integer({ min: 1, max: 4 }), (all, size) => {
        const decoder = new StreamDecoder(tokenizer)
        let streamed = ''
        for (let at = 0; at < all.length; at += size) streamed += decoder.push(all.slice(at, at + size))
        expect(streamed + decoder.flush()).toBe(tokenizer.decode(all))
      }),
      { numRuns: 200 },
    )
  })

  it('takes lone surrogates and NULs', () => {
    expect(tokenizer.decode(tokenizer.encode('a\ud800b', { special: false }))).toBe(
      tokenizer.kind === 'spm' ? 'a\ufffdb' : 'a b',
    )
    expect(tokenizer.decode(tokenizer.encode('a\0b', { special: false })).replace('\0', '')).toBe('ab')
  })
})

it('gives back any text where BPE falls back to bytes', () => {
  const tokenizer = fromModel('spm-bpe')
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      // The stand-in for a space is a space when read back: so SentencePiece writes it.
      const expected = text.toWellFormed().replaceAll('▁', ' ')
      expect(tokenizer.decode(tokenizer.encode(text, { special: false }))).toBe(expected)
    }),
    { numRuns: 200 },
  )
})

describe('spaces of a .model', () => {
  const field = (number: number, bytes: Uint8Array): Uint8Array =>
    Uint8Array.of((number << 3) | 2, bytes.length, ...bytes)
  const piece = (text: string, score: number, type = 1): Uint8Array => {
    const bytes = new Uint8Array(Float32Array.of(score).buffer)
    return field(1, Uint8Array.of(...field(1, Buffer.from(text)), (2 << 3) | 5, ...bytes, 3 << 3, type))
  }
  const model = (trainer: number[], normalizer: number[] = []) =>
    tokenizerFromSentencePiece(
      Uint8Array.of(
        ...piece('<unk>', 0, 2),
        ...piece('▁', -2),
        ...piece('a', -3),
        ...piece('▁a', -1),
        ...piece('a▁', -1),
        ...piece('<tool>', 0, 4),
        ...field(2, Uint8Array.from(trainer)),
        ...field(3, Uint8Array.from(normalizer)),
      ),
    )
  const pieces = (t: ReturnType<typeof model>, text: string) =>
    t.encode(text, { special: true }).map((id) => t.token(id))
  const bpe = [3 << 3, 2]

  it('stand before a user-defined piece that begins the text, too', () => {
    expect(pieces(model(bpe), '<tool>a')).toEqual(['▁', '<tool>', 'a'])
    expect(pieces(model(bpe, [3 << 3, 0]), '<tool>a')).toEqual(['<tool>', 'a'])
  })

  it('end pieces where the model says so', () => {
    const suffixed = model([...bpe, 0xc0, 0x01, 1])
    expect(pieces(suffixed, 'a a')).toEqual(['a▁', 'a▁'])
    expect(pieces(suffixed, '  a ')).toEqual(['a▁'])
  })

  it('go at the end, those that the text spells ▁ included', () => {
    expect(pieces(model(bpe), 'a▁')).toEqual(['▁a'])
  })
})
