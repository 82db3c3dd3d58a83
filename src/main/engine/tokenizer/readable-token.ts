import { type Tokenizer } from './tokenizer'

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * A token as a person reads it: the text it stands for (not the vocabulary's spelling of it, where a space is Ġ or ▁),
 * control tokens by name, and pieces of a UTF-8 character as their bytes: <0xEC><0x95>.
 */
export function readableToken(tokenizer: Tokenizer, id: number): string {
  if (tokenizer.isControl(id)) return tokenizer.token(id)
  const bytes = tokenizer.bytes(id)
  try {
    return strict.decode(bytes)
  } catch {
    return [...bytes].map((byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`).join('')
  }
}
