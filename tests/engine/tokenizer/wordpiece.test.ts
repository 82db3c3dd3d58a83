import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { tokenizerFromJson } from '../../../src/main/engine/tokenizer/from-json'
import { golden } from './gguf-reader'

interface Row {
  text: string
  ids: number[]
  tokens: string[]
}

const read = (name: string): unknown => JSON.parse(readFileSync(golden(`tokenizers/${name}`), 'utf8'))

describe('MiniLM from tokenizer.json', () => {
  const tokenizer = tokenizerFromJson(read('minilm-tokenizer.json'))

  it.each(read('minilm.json') as Row[])('encodes $text', (row) => {
    const ids = tokenizer.encode(row.text, { special: true, affixes: true })
    expect(ids).toEqual(row.ids)
    expect(ids.map((id) => tokenizer.token(id))).toEqual(row.tokens)
  })

  it('reads pieces back as text', () => {
    expect(tokenizer.kind).toBe('wordpiece')
    expect(tokenizer.decode(tokenizer.encode('Tokenization of words', { special: false }))).toBe(
      'tokenization of words',
    )
  })
})
