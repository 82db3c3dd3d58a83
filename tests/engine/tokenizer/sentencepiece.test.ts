import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { tokenizerFromGguf } from '../../../src/main/engine/tokenizer/from-gguf'
import { tokenizerFromSentencePiece } from '../../../src/main/engine/tokenizer/from-sentencepiece'
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

describe.each([
  ['spm-bpe', 'model', fromModel('spm-bpe')],
  ['spm-bpe', 'gguf', fromGguf('spm-bpe')],
  ['spm-bpe-noprefix', 'model', fromModel('spm-bpe-noprefix')],
  ['spm-bpe-noprefix', 'gguf', fromGguf('spm-bpe-noprefix')],
  ['spm-unigram', 'model', fromModel('spm-unigram')],
])('%s from .%s', (name, _format, tokenizer) => {
  it.each(rows(name))('encodes and decodes $text', (row) => {
    const ids = tokenizer.encode(row.text, { special: false })
    expect(ids).toEqual(row.ids)
    expect(ids.map((id) => tokenizer.token(id))).toEqual(row.pieces)
    expect(tokenizer.decode(row.ids)).toBe(row.decoded)
  })
})
