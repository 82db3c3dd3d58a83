import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { tokenizerFromGguf } from '../../../src/main/engine/tokenizer/from-gguf'
import { tokenizerFromJson } from '../../../src/main/engine/tokenizer/from-json'
import { golden } from './gguf-reader'

interface Row {
  text: string
  ids: number[]
  tokens: string[]
}

const read = (name: string): unknown => JSON.parse(readFileSync(golden(`tokenizers/${name}`), 'utf8'))

interface Json {
  model: { vocab: Record<string, number> }
  added_tokens: { id: number }[]
}

/** MiniLM's vocabulary as GGUF has it: ▁ before what begins a word, nothing before what continues one. */
function asMetadata() {
  const { model, added_tokens: added } = read('minilm-tokenizer.json') as Json
  const control = new Set(added.map((token) => token.id))
  const tokens = Object.entries(model.vocab).sort((a, b) => a[1] - b[1])
  const written = tokens.map(([token, id]) => {
    if (control.has(id)) return token
    return token.startsWith('##') && token.length > 2 ? token.slice(2) : `▁${token}`
  })
  return new Map<string, string | string[] | number[]>([
    ['tokenizer.ggml.model', 'bert'],
    ['tokenizer.ggml.tokens', written],
    ['tokenizer.ggml.token_type', tokens.map(([, id]) => (control.has(id) ? 3 : 1))],
  ])
}

describe.each([
  ['tokenizer.json', tokenizerFromJson(read('minilm-tokenizer.json')), (token: string) => token],
  ['GGUF', tokenizerFromGguf(asMetadata()), (token: string) => asWritten(token)],
])('MiniLM from %s', (_source, tokenizer, written) => {
  it.each(read('minilm.json') as Row[])('encodes $text', (row) => {
    const ids = tokenizer.encode(row.text, { special: true, affixes: true })
    expect(ids).toEqual(row.ids)
    expect(ids.map((id) => tokenizer.token(id))).toEqual(row.tokens.map(written))
  })

  it('reads pieces back as text', () => {
    expect(tokenizer.kind).toBe('wordpiece')
    expect(tokenizer.decode(tokenizer.encode('Tokenization of words', { special: false }))).toBe(
      'tokenization of words',
    )
  })

  it('does not take [SEP] in a text for a control token unless asked to', () => {
    expect(tokenizer.encode('[SEP]', { special: true })).toEqual([102])
    expect(tokenizer.encode('[SEP]', { special: false })).not.toContain(102)
  })

  it.each(['a', '가', ' ', 'the ', '.', '中', 'é'])('takes a million characters of %j in seconds', (unit) => {
    const started = performance.now()
    tokenizer.encode(unit.repeat(1_000_000 / unit.length), { special: true })
    expect(performance.now() - started).toBeLessThan(15_000)
  })
})

function asWritten(token: string): string {
  if (/^\[[A-Z]+\]$/.test(token)) return token
  return token.startsWith('##') && token.length > 2 ? token.slice(2) : `▁${token}`
}
