/** Typed access to JSON that comes from outside; `where` names the field in messages. */
import { MoruError } from '../../../shared/errors'

export type JsonObject = Record<string, unknown>

const wrong = (where: string, wanted: string): MoruError =>
  new MoruError('invalid_file', `${where}: ${wanted} belongs here. The file is damaged or of an unknown kind.`)

export function asObject(value: unknown, where: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(where, 'an object')
  return value as JsonObject
}

export function asList(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) throw wrong(where, 'a list')
  return value
}

export function asString(value: unknown, where: string): string {
  if (typeof value !== 'string') throw wrong(where, 'a text')
  return value
}

export function asNumber(value: unknown, where: string): number {
  if (typeof value !== 'number') throw wrong(where, 'a number')
  return value
}

/** A whole number from 0 to `limit` - 1. */
export function asId(value: unknown, limit: number, where: string): number {
  const id = asNumber(value, where)
  if (!Number.isInteger(id) || id < 0 || id >= limit) throw wrong(where, `a token id below ${limit}`)
  return id
}

/** The `type` of a tokenizer.json component. */
export function typeOf(component: JsonObject, where: string): string {
  return asString(component.type, `${where}.type`)
}
