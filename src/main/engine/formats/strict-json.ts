/**
 * JSON from strangers. Unlike JSON.parse it refuses a name that an object has twice, since two readers may then see two
 * different files; it bounds nesting, and its objects are Maps, so that no name can reach a prototype.
 */
import { quoted } from './file-error'

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject
export type JsonObject = Map<string, JsonValue>

const deepest = 16
/** Longest list: the lists of a header are shapes and offsets. */
const longestList = 1024
/** UTF-16 codes of the signs that JSON is made of. */
const sign = {
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  openList: 0x5b,
  escape: 0x5c,
  closeList: 0x5d,
  open: 0x7b,
  close: 0x7d,
} as const
const space: ReadonlySet<number> = new Set([0x20, 0x0a, 0x0d, 0x09])
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const word = /true|false|null/y

/** What is wrong and at which UTF-8 byte of the text. */
export class JsonFault extends Error {
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}

/** Parses one JSON value. @throws JsonFault */
export function parseStrictJson(text: string): JsonValue {
  const parser = new Parser(text)
  return parser.document()
}

class Parser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): JsonValue {
    const value = this.#value(0)
    this.#skipSpace()
    if (this.#at < this.#text.length) throw this.#fault('there is more text after the end')
    return value
  }

  #value(depth: number): JsonValue {
    if (depth > deepest) throw this.#fault(`more than ${deepest} levels of nesting`)
    this.#skipSpace()
    switch (this.#text.charCodeAt(this.#at)) {
      case sign.open:
        return this.#object(depth)
      case sign.openList:
        return this.#array(depth)
      case sign.quote:
        return this.#string()
    }
    const digits = this.#match(number)
    if (digits) return Number(digits)
    const found = this.#match(word)
    if (found) return found === 'null' ? null : found === 'true'
    throw this.#fault('a value was expected')
  }

  #object(depth: number): JsonObject {
    const object: JsonObject = new Map()
    this.#at++
    if (this.#takes(sign.close)) return object
    do {
      this.#skipSpace()
      const start = this.#at
      const name = this.#string()
      if (object.has(name)) {
        this.#at = start
        throw this.#fault(`the name ${quoted(name)} appears twice`)
      }
      if (!this.#takes(sign.colon)) throw this.#fault('":" was expected')
      object.set(name, this.#value(depth + 1))
    } while (this.#takes(sign.comma))
    if (!this.#takes(sign.close)) throw this.#fault('"," or "}" was expected')
    return object
  }

  #array(depth: number): JsonValue[] {
    const array: JsonValue[] = []
    this.#at++
    if (this.#takes(sign.closeList)) return array
    do {
      if (array.length === longestList) throw this.#fault(`a list of more than ${longestList} values`)
      array.push(this.#value(depth + 1))
    } while (this.#takes(sign.comma))
    if (!this.#takes(sign.closeList)) throw this.#fault('"," or "]" was expected')
    return array
  }

  #string(): string {
    const start = this.#at
    if (this.#text.charCodeAt(start) !== sign.quote) throw this.#fault('a string was expected')
    const end = this.#stringEnd()
    const found = this.#text.slice(start, end)
    this.#at = end
    if (!found.includes('\\')) return found.slice(1, -1)
    try {
      return JSON.parse(found) as string
    } catch {
      this.#at = start
      throw this.#fault('a string has an escape that does not exist')
    }
  }

  /** Where the string ends that begins here; a loop, because a regular expression keeps state for every character. */
  #stringEnd(): number {
    for (let at = this.#at + 1; at < this.#text.length; at++) {
      const code = this.#text.charCodeAt(at)
      if (code === sign.quote) return at + 1
      if (code === sign.escape) at++
      else if (code < 0x20) throw this.#fault('a string has a control character')
    }
    throw this.#fault('a string has no end')
  }

  /** Whether the next character after spaces has this code; it is then passed. */
  #takes(code: number): boolean {
    this.#skipSpace()
    if (this.#text.charCodeAt(this.#at) !== code) return false
    this.#at++
    return true
  }

  #skipSpace(): void {
    while (space.has(this.#text.charCodeAt(this.#at))) this.#at++
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? null
    if (found !== null) this.#at += found.length
    return found
  }

  #fault(message: string): JsonFault {
    return new JsonFault(message, Buffer.byteLength(this.#text.slice(0, this.#at)))
  }
}
