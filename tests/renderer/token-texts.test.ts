import { expect, test } from 'vitest'
import { textBefore, tokenTexts } from '../../src/renderer/views/chat/token-texts'

const shown = (...texts: string[]) =>
  tokenTexts(texts.map((text, id) => ({ id, text, logprob: -1, top: [] }))).join('|')

test('tokens show their text', () => {
  expect(shown('The', ' capital', '<|im_end|>')).toBe('The| capital|<|im_end|>')
})

test('a character made of several tokens is shown by the last of them', () => {
  expect(shown('<0xEB>', '<0xAA>', '<0xA8>', '루')).toBe('·|·|모|루')
  expect(shown('<0xEB><0xAA>', '<0xA8>')).toBe('·|모')
})

test('bytes that make no character are shown as bytes', () => {
  expect(shown('<0xFF>', 'a', '<0xEB>', '<0xAA>', '<0xA8>')).toBe('·|a|·|·|모')
  expect(shown('<0xF0>', '<0x41>', '<0x41>', '<0x41>')).toBe('·|·|·|<0x41>')
})

test('text whose tokens were lost stands before those that were kept', () => {
  expect(textBefore('Once upon a time', [' a', ' time', '<|im_end|>'])).toBe('Once upon')
  expect(textBefore('Once upon', ['Once', ' upon', '<|im_end|>'])).toBe('')
  expect(textBefore('모루', ['·', '·', '모', '루', '<|im_end|>'])).toBe('')
  expect(textBefore('changed by hand', ['Once', ' upon'])).toBe('')
})
