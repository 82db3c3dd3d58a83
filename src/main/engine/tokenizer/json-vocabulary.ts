import { MoruError } from '../../../shared/errors'
import { parseMerges } from './byte-level-bpe'
import { asId, asList, asObject, asString, type JsonObject } from './json-fields'
import { byteOfToken, maxTokens, quote, tokenType, Vocabulary } from './vocabulary'

export interface AddedToken {
  id: number
  text: string
  special: boolean
  stripLeft: boolean
  stripRight: boolean
  singleWord: boolean
}

/** tokenizer.json's `added_tokens`. */
export function readAddedTokens(value: unknown): AddedToken[] {
  if (value === null || value === undefined) return []
  return asList(value, 'tokenizer.json: added_tokens').map((entry, i) => {
    const where = `tokenizer.json: added_tokens[${i}]`
    const token = asObject(entry, where)
    return {
      id: asId(token.id, maxTokens, `${where}.id`),
      text: asString(token.content, `${where}.content`),
      special: token.special === true,
      stripLeft: token.lstrip === true,
      stripRight: token.rstrip === true,
      singleWord: token.single_word === true,
    }
  })
}

/** All tokens by id. Ids that nothing is listed for are unused tokens named [UNUSED_id], so that ids stay as they are. */
export function readVocabulary(model: JsonObject, added: readonly AddedToken[]): Vocabulary {
  const tokens: (string | undefined)[] = []
  let listed = 0
  const put = (token: string, id: number): void => {
    const other = tokens[id]
    if (other !== undefined && other !== token)
      throw new MoruError('invalid_file', `tokenizer.json: ${quote(other)} and ${quote(token)} both have the id ${id}.`)
    if (other === undefined) listed++
    tokens[id] = token
  }
  const where = 'tokenizer.json: model.vocab'
  if (Array.isArray(model.vocab))
    for (const [id, entry] of model.vocab.entries())
      put(asString(asList(entry, `${where}[${id}]`)[0], `${where}[${id}]`), id)
  else
    for (const [token, id] of Object.entries(asObject(model.vocab, where)))
      put(token, asId(id, maxTokens, `${where}: ${quote(token)}`))
  for (const token of added) put(token.text, token.id)
  // A few gaps are real; millions are a way to fill the memory.
  if (tokens.length > 2 * listed + 65_536)
    throw new MoruError('invalid_file', `${where}: ${listed} tokens have ids up to ${tokens.length - 1}.`)
  return new Vocabulary(
    Array.from(tokens, (token, id) => token ?? `[UNUSED_${id}]`),
    typesOf(model, tokens, added),
    where,
  )
}

function typesOf(model: JsonObject, tokens: (string | undefined)[], added: readonly AddedToken[]): Uint8Array {
  const types = Uint8Array.from(tokens, (token) => {
    if (token === undefined) return tokenType.unused
    if (token === model.unk_token) return tokenType.unknown
    return model.byte_fallback === true && byteOfToken(token) !== null ? tokenType.byte : tokenType.normal
  })
  for (const token of added) types[token.id] = token.special ? tokenType.control : tokenType.userDefined
  return types
}

/** A BPE model's `merges`, in both spellings: "left right" and ["left", "right"]. */
export function readMerges(value: unknown): (readonly [string, string])[] {
  const where = 'tokenizer.json: model.merges'
  const merges = asList(value, where)
  if (merges.every((merge) => typeof merge === 'string')) return [...parseMerges(merges)]
  return merges.map((merge, i) => {
    const pair = asList(merge, `${where}[${i}]`)
    if (pair.length !== 2) throw new MoruError('invalid_file', `${where}[${i}]: a pair of tokens belongs here.`)
    return [asString(pair[0], `${where}[${i}]`), asString(pair[1], `${where}[${i}]`)]
  })
}
