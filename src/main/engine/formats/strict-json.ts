/**
 * JSON from strangers. Unlike JSON.parse it refuses a name that an object has twice, since two readers may then see two
 * different files; it bounds nesting, and its objects are Maps, so that no name can reach a prototype.
 */
import { quoted } from './file-error'

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject
export type JsonObject = Map<string, JsonValue>

const deepest = 16
const space = /[ \t\n\r]*/y
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
    this.#match(space)
    if (this.#at < this.#text.length) throw this.#fault('there is more text after the end')
    return value
  }

  #value(depth: number): JsonValue {
    if (depth > deepest) throw this.#fault(`more than ${deepest} levels of nesting`)
    this.#match(space)
    const first = this.#text[this.#at]
    if (first === '{') return this.#object(depth)
    if (first === '[') return this.#array(depth)
    if (first === '"') return this.#string()
    const found = this.#match(word)
    if (found) return found === 'null' ? null : found === 'true'
    const digits = this.#match(number)
    if (digits) return Number(digits)
    throw this.#fault('a value was expected')
  }

  #object(depth: number): JsonObject {
    const object: JsonObject = new Map()
    this.#at++
    if (this.#takes('}')) return object
    do {
      this.#match(space)
      const start = this.#at
      const name = this.#string()
      if (object.has(name)) {
        this.#at = start
        throw this.#fault(`the name ${quoted(name)} appears twice`)
      }
      if (!this.#takes(':')) throw this.#fault('":" was expected')
      object.set(name, this.#value(depth + 1))
    } while (this.#takes(','))
    if (!this.#takes('}')) throw this.#fault('"," or "}" was expected')
    return object
  }

  #array(depth: number): JsonValue[] {
    const array: JsonValue[] = []
    this.#at++
    if (this.#takes(']')) return array
    do array.push(this.#value(depth + 1))
    while (this.#takes(','))
    if (!this.#takes(']')) throw this.#fault('"," or "]" was expected')
    return array
  }

  #string(): string {
    const start = this.#at
    if (this.#text[start] !== '"') throw this.#fault('a string was expected')
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
      if (code === 0x22) return at + 1
      if (code === 0x5c) at++
      else if (code < 0x20) throw this.#fault('a string has a control character')
    }
    throw this.#fault('a string has no end')
  }

  /** Whether the next character after spaces is this one, which is then passed. */
  #takes(character: string): boolean {
    this.#match(space)
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
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
