import { expect, it } from 'vitest'
import { loadTokenizerFromMetadata } from '../../../src/main/engine/tokenizer/load'
import { readableToken } from '../../../src/main/engine/tokenizer/readable-token'
import { smollm2 } from './smollm2'

const { tokenizer } = loadTokenizerFromMetadata(smollm2)
const read = (text: string) => tokenizer.encode(text, { special: true }).map((id) => readableToken(tokenizer, id))

it('shows the text that a token stands for, not its spelling in the vocabulary', () => {
  expect(read('The capital of\nFrance').join('')).toBe('The capital of\nFrance')
  expect(read('The capital')).toEqual(['The', ' capital'])
})

it('shows control tokens by name', () => {
  expect(read('<|im_end|>')).toEqual(['<|im_end|>'])
})

it('shows pieces of a character as their bytes', () => {
  const pieces = read('뷁')
  expect(pieces.length).toBeGreaterThan(1)
  expect(pieces.join('')).toBe('<0xEB><0xB7><0x81>')
})
