import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MoruError } from '../../../src/shared/errors'
import { Charsmap } from '../../../src/main/engine/tokenizer/charsmap'
import { tokenizerFromGguf } from '../../../src/main/engine/tokenizer/from-gguf'
import { tokenizerFromJson } from '../../../src/main/engine/tokenizer/from-json'
import { tokenizerFromSentencePiece } from '../../../src/main/engine/tokenizer/from-sentencepiece'
import { type Metadata } from '../../../src/main/engine/tokenizer/gguf-metadata'
import { golden } from './gguf-reader'

type Change = Record<string, unknown>

const bytePair = {
  model: 'gpt2',
  pre: 'gpt-2',
  tokens: ['a', 'b', 'ab', '<end>'],
  token_type: [1, 1, 1, 3],
  merges: ['a b'],
  eos_token_id: 3,
}
const scored = {
  model: 'llama',
  tokens: ['<unk>', '<s>', '</s>', 'a'],
  token_type: [2, 3, 3, 1],
  scores: [0, 0, 0, -1],
}

function metadata(base: Change, change: Change): Metadata {
  const entries = Object.entries({ ...base, ...change }).filter(([, value]) => value !== undefined)
  return new Map(entries.map(([key, value]) => [`tokenizer.ggml.${key}`, value])) as Metadata
}

function expectError(work: () => unknown, code: string, message: RegExp): void {
  let thrown: unknown
  try {
    work()
  } catch (caught) {
    thrown = caught
  }
  expect(thrown).toBeInstanceOf(MoruError)
  expect((thrown as MoruError).message).toMatch(message)
  expect((thrown as MoruError).code).toBe(code)
}

describe('GGUF metadata', () => {
  it('is read when it is sound', () => {
    expect(tokenizerFromGguf(metadata(bytePair, {})).encode('ab<end>', { special: true })).toEqual([2, 3])
    expect(tokenizerFromGguf(metadata(scored, { add_space_prefix: false })).encode('a', { special: true })).toEqual([3])
  })

  it('says which tokens surround a text', () => {
    const around = (change: Change): number[] =>
      tokenizerFromGguf(metadata(bytePair, { bos_token_id: 1, ...change })).encode('a', {
        special: true,
        affixes: true,
      })
    expect(around({})).toEqual([0])
    expect(around({ add_bos_token: true, add_eos_token: true })).toEqual([1, 0, 3])
    expect(around({ pre: 'llama-bpe' })).toEqual([1, 0])
    expect(around({ pre: 'roberta-bpe', add_bos_token: true })).toEqual([1, 0, 3])
    expect(around({ pre: 'roberta-bpe', add_sep_token: false })).toEqual([0])
    expect(around({ add_sep_token: true, seperator_token_id: 2 })).toEqual([0, 2])
  })

  it.each([
    ['no model', bytePair, { model: undefined }, 'invalid_file', /tokenizer.ggml.model is missing/],
    ['no tokens', bytePair, { tokens: undefined }, 'invalid_file', /tokenizer.ggml.tokens is missing/],
    ['an empty vocabulary', bytePair, { tokens: [], token_type: [] }, 'invalid_file', /holds no vocabulary/],
    ['tokens of numbers', bytePair, { tokens: [1, 2] }, 'invalid_file', /tokens: a list of strings/],
    ['an unknown model', bytePair, { model: 'rwkv' }, 'unsupported', /"rwkv"/],
    ['an unknown pre-tokenizer', bytePair, { pre: 'secret' }, 'unsupported', /"secret".*tokenizer.json/],
    ['too few types', bytePair, { token_type: [1] }, 'invalid_file', /4 tokens but 1 token types/],
    ['a strange type', bytePair, { token_type: [1, 1, 1, 9] }, 'invalid_file', /token 3 has the type 9/],
    ['a duplicate', bytePair, { tokens: ['a', 'b', 'ab', 'a'] }, 'invalid_file', /"a" twice, as 0 and as 3/],
    ['no merges', bytePair, { merges: undefined }, 'invalid_file', /merges is missing/],
    ['a merge of one', bytePair, { merges: ['ab'] }, 'invalid_file', /Merge 0 \("ab"\)/],
    ['a merge of strangers', bytePair, { merges: ['a c'] }, 'invalid_file', /needs "ac"/],
    ['a merge to a stranger', bytePair, { merges: ['b a'] }, 'invalid_file', /needs "ba"/],
    ['an end outside', bytePair, { eos_token_id: 4 }, 'invalid_file', /token 4 is outside the vocabulary of 4/],
    ['a text as id', bytePair, { bos_token_id: 'a' }, 'invalid_file', /bos_token_id: a token id/],
    ['a number as flag', bytePair, { add_bos_token: 1 }, 'invalid_file', /add_bos_token: true or false/],
    ['no scores', scored, { scores: undefined }, 'invalid_file', /scores is missing/],
    ['too few scores', scored, { scores: [1] }, 'invalid_file', /1 scores for 4 tokens/],
    ['a score that is no number', scored, { scores: [0, 0, 0, NaN] }, 'invalid_file', /token 3 is not a number/],
    ['an endless unigram score', { ...scored, model: 't5' }, { scores: [0, 0, 0, -Infinity] }, 'invalid_file', /token 3 is not a finite/],
    ['a charsmap of lies', scored, { precompiled_charsmap: [255, 255, 0, 0, 0, 0, 0, 0] }, 'invalid_file', /trie of 65535/],
    ['a charsmap of words', scored, { precompiled_charsmap: [1000] }, 'invalid_file', /bytes belong here/],
  ] as const)('with %s is refused', (_what, base, change, code, message) => {
    expectError(() => tokenizerFromGguf(metadata(base, change)), code, message)
  }) // prettier-ignore

  it('may mark an absent token with all bits set', () => {
    expect(tokenizerFromGguf(metadata(bytePair, { bos_token_id: 0xffffffff })).bosId).toBeNull()
  })
})

describe('SentencePiece models', () => {
  const sound = readFileSync(golden('tokenizers/sentencepiece/spm-unigram.model'))

  it('with any byte changed give an error or a tokenizer, never anything else', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: sound.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const changed = Uint8Array.from(sound)
        changed[at] = byte
        expectErrorOrIds(() => tokenizerFromSentencePiece(changed).encode('가나 abc ½ ﷺ', { special: true }))
      }),
      { numRuns: 40 },
    )
  })

  it('cut anywhere give an error or a tokenizer', () => {
    for (let size = 0; size < sound.length; size += 9973)
      expectErrorOrIds(() => tokenizerFromSentencePiece(sound.subarray(0, size)).encode('가나', { special: true }))
  })

  it('of bytes at random are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expectErrorOrIds(() => tokenizerFromSentencePiece(bytes).encode('a', { special: true }))
      }),
    )
  })

  it.each([
    ['a length beyond the end', [0x0a, 0x7f], /a field of 127 bytes does not fit at byte 2/],
    ['a number without end', Array<number>(12).fill(0xff), /longer than ten bytes/],
    ['a field 0', [0x00], /number 0/],
    ['a group', [0x0b], /wire type 3/],
    ['a word model', [0x0a, 0x03, 0x0a, 0x01, 0x61, 0x12, 0x02, 0x18, 0x03], /not type 3/],
  ])('with %s are refused', (_what, bytes, message) => {
    expect(() => tokenizerFromSentencePiece(Uint8Array.from(bytes))).toThrow(message)
  })
})

describe('normalisation rules', () => {
  it('of random units never leave the trie', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffffffff), { minLength: 1, maxLength: 300 }), fc.string(), (units, text) => {
        const bytes = new Uint8Array(4 + units.length * 4 + 8)
        const view = new DataView(bytes.buffer)
        view.setUint32(0, units.length * 4, true)
        units.forEach((unit, i) => view.setUint32(4 + 4 * i, unit, true))
        expect(typeof new Charsmap(bytes, 'rules').apply(text)).toBe('string')
      }),
    )
  })
})

describe('tokenizer.json', () => {
  const model = { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] }
  it.each([
    ['a list', [], 'invalid_file', /tokenizer.json: an object/],
    ['no model', {}, 'invalid_file', /model: an object/],
    ['a strange model', { model: { ...model, type: 'WordLevel' } }, 'unsupported', /"WordLevel"/],
    ['word marks', { model: { ...model, end_of_word_suffix: '</w>' } }, 'unsupported', /end_of_word_suffix/],
    ['an id twice', { model: { ...model, vocab: { a: 0, b: 0 } } }, 'invalid_file', /both have the id 0/],
    ['an id far out', { model: { ...model, vocab: { a: 4_000_000 } } }, 'invalid_file', /ids up to 4000000/],
    ['an id beyond all', { model: { ...model, vocab: { a: 1e12 } } }, 'invalid_file', /token id below/],
    ['a triple merge', { model: { ...model, merges: [['a', 'b', 'c']] } }, 'invalid_file', /merges\[0\]: a pair/],
    ['an unknown normalizer', { model, normalizer: { type: 'Magic' } }, 'unsupported', /normalizer.*"Magic"/],
    ['an unknown pre-tokenizer', { model, pre_tokenizer: { type: 'Magic' } }, 'unsupported', /pre_tokenizer.*"Magic"/],
    ['a broken expression', { model, pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' } }, 'unsupported', /no counterpart/],
    ['an unknown behaviour', { model, pre_tokenizer: { type: 'Split', pattern: { String: 'a' }, behavior: 'Odd' } }, 'unsupported', /"Odd"/],
    ['an unknown id outside', { model: { type: 'Unigram', vocab: [['a', 0]], unk_id: 3 } }, 'invalid_file', /unk_id/],
    ['a score of text', { model: { type: 'Unigram', vocab: [['a', 'b']] } }, 'invalid_file', /vocab\[0\]: a number/],
    ['an undescribed token', { model, post_processor: { type: 'TemplateProcessing', single: [{ SpecialToken: { id: 'x' } }] } }, 'invalid_file', /"x" is not described/],
    ['prototype names', { model, normalizer: { type: 'constructor' } }, 'unsupported', /"constructor"/],
  ] as const)('with %s is refused', (_what, json, code, message) => {
    expectError(() => tokenizerFromJson(json), code, message)
  }) // prettier-ignore

  it.each([
    ['(a+)+!', 'a'.repeat(60)],
    ['(?:a|a)*!', 'a'.repeat(60)],
    ['a*a*a*a*a*a*b', 'a'.repeat(2000)],
  ])('with an expression that takes for ever (%s) fails within seconds', (Regex, text) => {
    const split = { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false }
    const replace = { type: 'Replace', pattern: { Regex }, content: '' }
    for (const change of [{ pre_tokenizer: split }, { normalizer: replace }]) {
      const tokenizer = tokenizerFromJson({ model, ...change })
      const start = performance.now()
      expectError(
        () => tokenizer.encode(text, { special: false }),
        'invalid_file',
        /takes longer than 1000 ms on a text of/,
      )
      expect(performance.now() - start).toBeLessThan(5000)
    }
  })
})

function expectErrorOrIds(work: () => number[]): void {
  try {
    expect(Array.isArray(work())).toBe(true)
  } catch (thrown) {
    if (!(thrown instanceof MoruError)) throw thrown
    expect(thrown.code).toMatch(/^(invalid_file|unsupported)$/)
  }
}
