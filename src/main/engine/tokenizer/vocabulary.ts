import { MoruError } from '../../../shared/errors'

/** Kinds of tokens, numbered as GGUF's tokenizer.ggml.token_type and SentencePiece's Type number them. */
export const tokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

/** More tokens than any published vocabulary has: a larger table is a damaged file. */
export const maxTokens = 4_194_304

/** Tokens by id with their types; every token once. */
export class Vocabulary {
  readonly tokens: readonly string[]
  /** Kind of every token; loaders may correct it before the tokenizer is built. */
  readonly types: Uint8Array
  readonly ids: ReadonlyMap<string, number>
  /** UTF-16 length of the longest token. */
  readonly longest: number

  /** `where` names the table in messages. Throws `invalid_file` on an empty, duplicate-ridden or ill-typed table. */
  constructor(tokens: readonly string[], types: ArrayLike<number> | null, where: string) {
    if (tokens.length === 0) throw new MoruError('invalid_file', `${where} is empty: the file holds no vocabulary.`)
    if (tokens.length > maxTokens)
      throw new MoruError(
        'invalid_file',
        `${where} lists ${tokens.length} tokens, more than Moru reads (${maxTokens}).`,
      )
    if (types && types.length !== tokens.length)
      throw new MoruError('invalid_file', `${where} lists ${tokens.length} tokens but ${types.length} token types.`)
    const named = tokens.map((token, id) => (token === '' ? `[EMPTY_${id}]` : token))
    const ids = new Map<string, number>()
    let longest = 0
    for (let id = 0; id < named.length; id++) {
      const token = named[id]
      const earlier = ids.get(token)
      if (earlier !== undefined)
        throw new MoruError('invalid_file', `${where} lists ${quote(token)} twice, as ${earlier} and as ${id}.`)
      ids.set(token, id)
      if (token.length > longest) longest = token.length
    }
    this.tokens = named
    this.ids = ids
    this.longest = longest
    this.types = new Uint8Array(tokens.length)
    for (let id = 0; id < tokens.length; id++)
      this.types[id] = types ? checkType(types[id], id, where) : tokenType.normal
  }

  get size(): number {
    return this.tokens.length
  }

  /** Ids of the 256 byte tokens <0x00> to <0xFF>; -1 where the vocabulary has none. */
  byteTokens(): Int32Array {
    const ids = new Int32Array(256).fill(-1)
    for (let byte = 0; byte < 256; byte++) {
      const id = this.ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
      if (id !== undefined) ids[byte] = id
    }
    return ids
  }
}

/** The byte a token like <0x0A> stands for, or null. */
export function byteOfToken(token: string): number | null {
  return /^<0x[0-9A-Fa-f]{2}>$/.test(token) ? Number.parseInt(token.slice(3, 5), 16) : null
}

/** A token for a message: quoted, escaped, and cut when long. */
export function quote(token: string): string {
  return JSON.stringify(token.length > 40 ? `${token.slice(0, 40)}…` : token)
}

function checkType(type: number, id: number, where: string): number {
  // 0 is GGUF's "undefined"; old files have it for ordinary tokens.
  if (type === 0) return tokenType.normal
  if (Number.isInteger(type) && type >= 1 && type <= 6) return type
  throw new MoruError('invalid_file', `${where}: token ${id} has the type ${type}; only 0 to 6 exist.`)
}
