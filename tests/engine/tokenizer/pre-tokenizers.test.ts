import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { preTokenizerNames, preTokenizerOf, splitText } from '../../../src/main/engine/tokenizer/pre-tokenizers'

const cut = (name: string, text: string): string[] => splitText(text, preTokenizerOf(name).patterns)

describe('pre-tokenizers by tokenizer.ggml.pre', () => {
  it.each([
    ['gpt-2', "I've  won 123½ 한국어!?\n\n x", ['I', "'ve", ' ', ' won', ' 123½', ' 한국어', '!?', '\n\n', ' x']],
    ['smollm', 'a 12 b½', ['a', ' ', '1', '2', ' b', '½']],
    ['llama-bpe', "I'VE won 12345 한국어.\n\n x", ['I', "'VE", ' won', ' ', '123', '45', ' 한국어', '.\n\n', ' x']],
    ['qwen2', "it's 123\n  y", ['it', "'s", ' ', '1', '2', '3', '\n', ' ', ' y']],
    ['default', 'a,b 1234=x', ['a', ',', 'b', ' ', '123', '4', '=', 'x']],
    ['bloom', 'Hello, big world.', ['Hello', ',', ' big', ' world', '.']],
    ['falcon', 'x=12345', ['x', '=', '123', '45']],
    ['tekken', 'HelloWorld 42', ['Hello', 'World', ' ', '4', '2']],
    ['gpt-4o', "DON'T stop", ["DON'T", ' stop']],
    ['deepseek-v3', '中文abc 1234', ['中文', 'abc', ' ', '123', '4']],
    ['seed-coder', 'a!\nb', ['a', '!', '\n', 'b']],
    ['opt', "I've 12", ['I', "'ve", ' 12']],
  ])('%s cuts %j', (name, text, pieces) => {
    expect(cut(name, text)).toEqual(pieces)
  })

  it.each(preTokenizerNames)('%s loses nothing', (name) => {
    const unit = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 3 }),
      fc.constantFrom(' ', '\n', '\r\n', '가', "'s", '12', '…', 'A'),
    )
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 30 }), (units) => {
        const text = units.join('')
        expect(cut(name, text).join('')).toBe(text)
        expect(cut(name, text)).not.toContain('')
      }),
      { numRuns: 50 },
    )
  })

  it('treats a byte order mark as a character and U+0085 as white space', () => {
    expect(cut('gpt-2', 'a\ufeffb')).toEqual(['a', '\ufeff', 'b'])
    expect(cut('gpt-2', 'a\u0085\u0085b')).toEqual(['a', '\u0085', '\u0085', 'b'])
  })
})
