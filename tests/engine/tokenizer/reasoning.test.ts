import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { opensReasoning, ReasoningParser, switchesReasoning } from '../../../src/main/engine/tokenizer/reasoning'

/** Text and reasoning of an answer that arrives in these pieces. */
function split(pieces: string[], startsInReasoning = false): { text: string; reasoning: string } {
  const parser = new ReasoningParser(startsInReasoning)
  const all = [...pieces.flatMap((piece) => parser.push(piece)), ...parser.flush()]
  const of = (kind: string): string => all.filter((piece) => piece.kind === kind).map((piece) => piece.text).join('') // prettier-ignore
  return { text: of('text'), reasoning: of('reasoning') }
}

describe('ReasoningParser', () => {
  it.each([
    ['<think>\nwhy\n</think>\n\nbecause', 'because', 'why'],
    ['\n<think>이유</think>답', '답', '이유'],
    ['<think>\n\n</think>\n\nanswer', 'answer', ''],
    ['plain answer', 'plain answer', ''],
    ['  indented\n', '  indented\n', ''],
    ['the tag <think> opens it', 'the tag <think> opens it', ''],
    ['<think>never ends', '', 'never ends'],
    ['<think>a < b </thin> c</think>x', 'x', 'a < b </thin> c'],
    ['<think>one</think>\n<think>two</think>\nthree', 'three', 'onetwo'],
    ['<thin', '<thin', ''],
    ['<think>x</think>', '', 'x'],
    ['', '', ''],
  ])('%j', (answer, text, reasoning) => {
    expect(split([answer])).toEqual({ text, reasoning })
    expect(split(Array.from(answer))).toEqual({ text, reasoning })
  })

  it('starts in the reasoning when the prompt opened it', () => {
    expect(split(['\nwhy</th', 'ink>\n\nso'], true)).toEqual({ text: 'so', reasoning: 'why' })
  })

  it('gives the same for every way to cut an answer', () => {
    const word = fc.constantFrom('<think>', '</think>', '<', 'think', '>', ' ', '\n', 'a', '가', '</')
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }), fc.boolean(), (words, inside) => {
        expect(split(words, inside)).toEqual(split([words.join('')], inside))
        expect(split(Array.from(words.join('')), inside)).toEqual(split([words.join('')], inside))
      }),
      { numRuns: 500 },
    )
  })

  it('does not hold text back that is certain', () => {
    const parser = new ReasoningParser()
    expect(parser.push('<think>abc')).toEqual([{ kind: 'reasoning', text: 'abc' }])
    expect(parser.push('</')).toEqual([])
    expect(parser.push('x')).toEqual([{ kind: 'reasoning', text: '</x' }])
  })
})

describe('templates that think', () => {
  it('have a switch or have none', () => {
    expect(switchesReasoning('{% if enable_thinking %}{% endif %}')).toBe(true)
    expect(switchesReasoning("{{ '<think>\\n' }}")).toBe(false)
  })

  it('may open the block in the prompt', () => {
    expect(opensReasoning('<|im_start|>assistant\n<think>\n')).toBe(true)
    expect(opensReasoning('<|im_start|>assistant\n<think>\n\n</think>\n\n')).toBe(false)
  })
})
