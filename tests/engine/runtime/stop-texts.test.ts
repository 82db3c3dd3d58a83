/** Stop texts and held-back characters, on raw pieces and through a sequence with real tokenizers. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Sequence } from '../../../src/main/engine/runtime/sequence'
import { StopTexts } from '../../../src/main/engine/runtime/stop-texts'
import { tokenizerFromSentencePiece } from '../../../src/main/engine/tokenizer/from-sentencepiece'
import { loadTokenizerFromMetadata } from '../../../src/main/engine/tokenizer/load'
import { type GenerateEvent } from '../../../src/main/engine'
import { golden } from '../golden'
import { smollm2 } from '../tokenizer/smollm2'
import { request } from './tiny-models'

const spm = tokenizerFromSentencePiece(readFileSync(golden('tokenizers', 'sentencepiece', 'spm-bpe.model')), {
  addBos: false,
  addEos: false,
  endIds: [2],
})
const bpe = loadTokenizerFromMetadata(smollm2).tokenizer

/** What a sequence reports when it is given these tokens, one a step. */
function told(
  ids: number[],
  stop: string[],
  tokenizer = spm,
  maxTokens = ids.length,
): { pieces: string[]; text: string; finishReason: string | null; used: number } {
  const sequence = new Sequence(request([5], { stop, maxTokens }), tokenizer)
  for (const id of ids) if (!sequence.finishReason) sequence.accept({ id, detail: null }, 1000)
  const events: GenerateEvent[] = [...sequence.events]
  const pieces = events.flatMap((e) => (e.kind === 'token' ? [e.text] : []))
  const last = events.at(-1)
  const rest = last?.kind === 'finished' ? last.text : ''
  return { pieces, text: pieces.join('') + rest, finishReason: sequence.finishReason, used: pieces.length }
}

/** A text as the byte tokens of the SentencePiece vocabulary. */
const bytesOf = (text: string): number[] =>
  [...new TextEncoder().encode(text)].map((b) => spm.idOf(`<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`)!)

describe('StopTexts', () => {
  it('gives the text before the first stop text, whatever the pieces', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '가', '😀'), maxLength: 30 })
    const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '가', '😀'), minLength: 1, maxLength: 4 }), {
      maxLength: 3,
    })
    fc.assert(
      fc.property(letters, stops, fc.array(fc.integer({ min: 1, max: 4 })), (text, stops, sizes) => {
        const filter = new StopTexts(stops)
        const characters = [...text]
        let out = ''
        let stopped = false
        for (let at = 0, n = 0; at < characters.length && !stopped; n++) {
          const size = sizes[n % Math.max(1, sizes.length)] ?? 1
          const piece = filter.push(characters.slice(at, at + size).join(''))
          out += piece.text
          stopped = piece.stopped
          at += size
        }
        out += filter.flush()
        const found = stops.map((s) => text.indexOf(s)).filter((at) => at >= 0)
        expect(stopped).toBe(found.length > 0)
        expect(text.startsWith(out)).toBe(true)
        if (!stopped) expect(out).toBe(text)
        else {
          // The first to be complete ends the text, where it begins.
          const ends = stops.filter((s) => text.includes(s)).map((s) => text.indexOf(s) + s.length)
          expect(out.length).toBeLessThan(Math.min(...ends) + 0.5)
          expect(stops.some((s) => text.slice(out.length).startsWith(s))).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })
  it('swallows everything after a stop text', () => {
    const filter = new StopTexts(['x'])
    expect(filter.push('axb')).toEqual({ text: 'a', stopped: true })
    expect(filter.push('more')).toEqual({ text: '', stopped: true })
    expect(filter.flush()).toBe('')
  })
})

describe('a sequence', () => {
  it('holds a character back until its bytes are whole', () => {
    const { pieces, text } = told(bytesOf('한😀é'), [])
    expect(text).toBe('한😀é')
    expect(pieces).toEqual(['', '', '한', '', '', '', '😀', '', 'é'])
  })
  it('gives an unfinished character out as U+FFFD at the end, and impossible bytes at once', () => {
    expect(told(bytesOf('한').slice(0, 2), []).text).toBe('�')
    const [, second] = bytesOf('é')
    expect(told([second, ...bytesOf('a')], []).pieces).toEqual(['�', 'a'])
  })
  it.each([
    ['across tokens', '나는 학생입니다. 끝', ['다. '], '나는 학생입니'],
    ['in the middle of characters’ bytes', 'ab😀😁cd', ['😁'], 'ab😀'],
    ['the longer after its own beginning', 'aab', ['aab', 'ab'], ''],
    ['a beginning of which comes to nothing', 'END? ENDE', ['END!'], 'END? ENDE'],
    ['at the very beginning', 'stop', ['s'], ''],
  ])('stops at a stop text %s', (_, text, stop, expected) => {
    const answer = told(bytesOf(text), stop)
    expect(answer.text).toBe(expected)
    expect(answer.finishReason).toBe(expected === text ? 'length' : 'stop')
  })
  it('stops within a token that holds more than the stop text, and never shows its beginning', () => {
    const ids = bpe.encode('Hello there, general Kenobi', { special: false })
    for (const stop of ['there', 'ere, gen', 'o', ' Ken']) {
      const answer = told(ids, [stop], bpe)
      const whole = 'Hello there, general Kenobi'
      expect(answer.text).toBe(whole.slice(0, whole.indexOf(stop)))
      expect(answer.finishReason).toBe('stop')
      expect(answer.used).toBeLessThanOrEqual(ids.length)
    }
  })
  it('gives out what it held for a stop text that did not come', () => {
    const answer = told(bytesOf('abc EN'), ['END'])
    expect(answer.pieces.join('')).toBe('abc ')
    expect(answer.text).toBe('abc EN')
  })
  it('ends with any id of the end-of-sequence set, which is an id of the answer but no text', () => {
    for (const end of bpe.endIds) {
      const ids = [...bpe.encode('Done.', { special: false }), end, ...bpe.encode(' more', { special: false })]
      const answer = told(ids, [], bpe)
      expect(answer.text).toBe('Done.')
      expect(answer.finishReason).toBe('stop')
      expect(answer.used).toBe(ids.indexOf(end) + 1)
    }
  })
  it('gives held text out when the end of the sequence comes', () => {
    expect(told([...bytesOf('ab EN'), 2], ['END'])).toMatchObject({ text: 'ab EN', finishReason: 'stop' })
  })
})
