import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tokenizerFromGguf } from '../../../src/main/engine/tokenizer/from-gguf'
import { tokenizerFromJson } from '../../../src/main/engine/tokenizer/from-json'
import { StreamDecoder } from '../../../src/main/engine/tokenizer/stream-decoder'
import { golden } from './gguf-reader'
import { smollm2 } from './smollm2'

interface Row {
  text: string
  llama_cpp: number[]
  llama_cpp_no_special: number[]
}

const rows = JSON.parse(readFileSync(golden('tokenizers/smollm2.json'), 'utf8')) as Row[]
const tokenizer = tokenizerFromGguf(smollm2)

/** The same vocabulary as a tokenizer.json, merges in either spelling. */
function asJson(pairs: boolean): unknown {
  const tokens = smollm2.get('tokenizer.ggml.tokens') as string[]
  const types = smollm2.get('tokenizer.ggml.token_type') as number[]
  const merges = smollm2.get('tokenizer.ggml.merges') as string[]
  return {
    added_tokens: tokens.flatMap((content, id) => (types[id] === 3 ? [{ id, content, special: true }] : [])),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Digits', individual_digits: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: null,
    decoder: { type: 'ByteLevel' },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: pairs ? merges.map((merge) => merge.split(' ')) : merges,
    },
  }
}

const anyText = fc.string({ unit: fc.oneof(fc.string({ unit: 'binary', maxLength: 4 }), fc.constantFrom('가', '힣', ' ', '\n', 'the', '<|im_end|>', '👩‍👩‍👧', 'ᄒ', 'ᅡ', 'ᆫ', '\0')), maxLength: 60 }) // prettier-ignore

describe.each([
  ['GGUF', tokenizer],
  ['tokenizer.json', tokenizerFromJson(asJson(false))],
  ['tokenizer.json with pairs', tokenizerFromJson(asJson(true))],
])('SmolLM2 from %s', (_source, tokenizer) => {
  it.each(rows)('encodes $text', ({ text, llama_cpp, llama_cpp_no_special }) => {
    expect(tokenizer.encode(text, { special: true })).toEqual(llama_cpp)
    expect(tokenizer.encode(text, { special: false })).toEqual(llama_cpp_no_special)
    expect(tokenizer.decode(llama_cpp, { special: true })).toBe(text)
    expect(tokenizer.decode(llama_cpp_no_special)).toBe(text)
  })
})

describe('byte-level BPE', () => {
  it('gives back any text whose bytes the vocabulary knows', () => {
    const bytes = new Set<number>()
    for (let id = 0; id < tokenizer.vocabSize; id++)
      if (tokenizer.bytes(id).length === 1) bytes.add(tokenizer.bytes(id)[0])
    // Six control characters, private planes and bytes that UTF-8 never has are missing.
    expect(bytes.size).toBe(235)
    const known = anyText.filter((text) => new TextEncoder().encode(text).every((byte) => bytes.has(byte)))
    fc.assert(
      fc.property(known, (text) => {
        const ids = tokenizer.encode(text, { special: false })
        expect(tokenizer.decode(ids)).toBe(text.toWellFormed())
        expect(ids.some((id) => tokenizer.isControl(id))).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  it('turns lone surrogates into U+FFFD', () => {
    expect(tokenizer.decode(tokenizer.encode('a\ud800b\udc00', { special: false }))).toBe('a\ufffdb\ufffd')
  })

  it('streams what decode gives, however the ids are cut', () => {
    const ids = fc.array(fc.integer({ min: 0, max: tokenizer.vocabSize - 1 }), { maxLength: 60 })
    fc.assert(
      fc.property(
        ids,
        anyText,
        fc.infiniteStream(fc.integer({ min: 1, max: 5 })),
        fc.boolean(),
        (random, text, cuts, special) => {
          const all = [...random, ...tokenizer.encode(text, { special: true }), ...random.slice(0, 3)]
          const decoder = new StreamDecoder(tokenizer, { special })
          let streamed = ''
          for (let at = 0; at < all.length;) {
            const size = cuts.next().value
            streamed += decoder.push(all.slice(at, at + size))
            at += size
          }
          expect(streamed + decoder.flush()).toBe(tokenizer.decode(all, { special }))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('holds an incomplete character back and gives up on what can never become one', () => {
    const decoder = new StreamDecoder(tokenizer)
    const ids = [...new TextEncoder().encode('가')].map((byte) => tokenizer.idOf(byteToken(byte))!)
    expect(decoder.push([ids[0]])).toBe('')
    expect(decoder.push([ids[1]])).toBe('')
    expect(decoder.push([ids[2]])).toBe('가')
    expect(decoder.push([ids[0], tokenizer.idOf('a')!])).toBe('\ufffda')
    expect(decoder.push([ids[0], ids[1]])).toBe('')
    expect(decoder.flush()).toBe('\ufffd')
    expect(decoder.push([ids[0]]) + decoder.flush()).toBe('\ufffd')
  })

  it('keeps a byte order mark', () => {
    expect(tokenizer.decode(tokenizer.encode('\ufeffa', { special: false }))).toBe('\ufeffa')
  })

  it('names ids that do not exist', () => {
    expect(() => tokenizer.token(49152)).toThrow(/no token 49152.*0 to 49151/)
    expect(() => tokenizer.decode([-1])).toThrow(/no token -1/)
    expect(tokenizer.decode([])).toBe('')
    expect(tokenizer.idOf('no such token')).toBeNull()
  })

  it('knows its special tokens', () => {
    expect(tokenizer).toMatchObject({ kind: 'bpe', vocabSize: 49152, bosId: 1, eosId: 2, padId: 2, unknownId: 0 })
    expect(tokenizer).toMatchObject({ addBos: false, addEos: false })
    expect([...tokenizer.endIds].sort()).toEqual([0, 2])
    expect(tokenizer.bytes(2)).toHaveLength(0)
    expect(tokenizer.decode([2])).toBe('')
    expect(tokenizer.decode([2], { special: true })).toBe('<|im_end|>')
  })

  it.each(['a', '가', ' ', '\n', 'abcdefghij', '.', '가나다라마바사', '<', "'", '1', '\t x', 'ᄒ'])(
    'takes a million characters of %j in seconds',
    (unit) => {
      const text = unit.repeat(Math.ceil(1_000_000 / unit.length))
      const started = performance.now()
      const ids = tokenizer.encode(text, { special: true })
      const elapsedMs = performance.now() - started
      expect(tokenizer.decode(ids) === text).toBe(true)
      // Linear takes 0.6 s here; quadratic would take minutes. The bound leaves room for a busy machine.
      expect(elapsedMs).toBeLessThan(10_000)
    },
  )
})

function byteToken(byte: number): string {
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    const bytes = tokenizer.bytes(id)
    if (bytes.length === 1 && bytes[0] === byte) return tokenizer.token(id)
  }
  throw new Error(`no token for byte ${byte}`)
}
