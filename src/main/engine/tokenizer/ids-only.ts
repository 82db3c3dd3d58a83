import { type MoruError } from '../../../shared/errors'
import { type Tokenizer } from './tokenizer'
import { StreamDecoder } from './stream-decoder'

const utf8 = new TextEncoder()
const name = (id: number): string => `[${id}]`

/**
 * Stands in for the tokenizer of a model that comes without one: token ids can be continued, and are shown as [id].
 * Reading a text throws `missing`.
 */
export function idsOnly(model: { vocabSize: number; eosTokenIds: number[] }, missing: MoruError): Tokenizer {
  const read = (text: string): never[] => {
    if (text === '') return []
    throw missing
  }
  const tokenizer: Tokenizer = {
    kind: 'none',
    vocabSize: model.vocabSize,
    bosId: null,
    eosId: model.eosTokenIds[0] ?? null,
    endIds: new Set(model.eosTokenIds),
    unknownId: null,
    padId: null,
    addBos: false,
    addEos: false,
    leadingSpace: false,
    encode: read,
    splitControls: (text) => [text],
    encodeParts: (parts) => parts.flatMap((part) => (typeof part === 'number' ? [part] : read(part))),
    breakControls: (text) => text,
    decode: (ids, options = {}) => {
      const decoder = new StreamDecoder(tokenizer, options)
      return decoder.push(ids) + decoder.flush()
    },
    token: name,
    idOf: () => null,
    bytes: (id) => utf8.encode(name(id)),
    isControl: () => false,
  }
  return tokenizer
}
