/** Typed, bounded access to the values of a config, whose every error names the key. */
import { MoruError } from '../../../shared/errors'
import { printable } from '../formats/file-error'

/** Least and most a value may be; both included. */
interface Bounds {
  least: number
  most: number
}

/** What a hyperparameter may be: above any model that exists, below what would overflow a size. */
export const bounds = {
  vocabSize: { least: 2, most: 16_777_216 },
  layers: { least: 1, most: 1024 },
  hiddenDim: { least: 1, most: 131_072 },
  ffnDim: { least: 1, most: 1_048_576 },
  heads: { least: 1, most: 2048 },
  headDim: { least: 1, most: 1024 },
  tokens: { least: 1, most: 134_217_728 },
  normEps: { least: 1e-15, most: 0.1 },
  ropeTheta: { least: 1, most: 1e15 },
  factor: { least: 1e-6, most: 1e6 },
} as const satisfies Record<string, Bounds>

export class ConfigValues {
  /** The file that the values come from, for messages. */
  readonly origin: string
  readonly #lookUp: (key: string) => unknown

  constructor(origin: string, lookUp: (key: string) => unknown) {
    this.origin = origin
    this.#lookUp = lookUp
  }

  /** The first of these keys that has a value other than null. */
  #first(keys: readonly string[]): { key: string; value: unknown } | null {
    for (const key of keys) {
      const value = this.#lookUp(key)
      if (value !== undefined && value !== null) return { key, value }
    }
    return null
  }

  get(...keys: string[]): unknown {
    return this.#first(keys)?.value
  }

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  /** Whether the key is there at all, be it null. */
  states(key: string): boolean {
    return this.#lookUp(key) !== undefined
  }

  /** A whole number under the first of `keys` that is there; without any, the fallback or an error. */
  integer(keys: readonly string[], range: Bounds, fallback?: number): number {
    return this.#bounded(keys, range, fallback, 'a whole number', Number.isSafeInteger)
  }

  number(keys: readonly string[], range: Bounds, fallback?: number): number {
    return this.#bounded(keys, range, fallback, 'a number', Number.isFinite)
  }

  #bounded(
    keys: readonly string[],
    { least, most }: Bounds,
    fallback: number | undefined,
    kind: string,
    fits: (value: unknown) => boolean,
  ): number {
    const found = this.#first(keys)
    if (!found) {
      if (fallback !== undefined) return fallback
      throw this.fault(keys[0], 'is missing')
    }
    const value = found.value
    if (typeof value === 'number' && fits(value) && value >= least && value <= most) return value
    throw this.fault(found.key, `is ${show(value)}, not ${kind} from ${show(least)} to ${show(most)}`)
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.get(key) ?? fallback
    if (typeof value === 'boolean') return value
    throw this.fault(key, `is ${show(value)}, not true or false`)
  }

  /** Throws unsupported unless the key is absent or has the one value that Moru implements. */
  demand(key: string, only: unknown, reason: string): void {
    const value = this.get(key)
    if (value === undefined || value === only) return
    throw this.unsupported(key, `is ${show(value)}: ${reason}`)
  }

  /** An object under the first of the keys, as values of its own; null when there is none. */
  section(...keys: string[]): ConfigValues | null {
    const found = this.#first(keys)
    if (!found) return null
    if (!isObject(found.value)) throw this.fault(found.key, `is ${show(found.value)}, not an object`)
    const { value } = found
    return new ConfigValues(`${this.origin}, ${found.key}`, (key) =>
      Object.hasOwn(value, key) ? value[key] : undefined,
    )
  }

  /** The token ids under the key (a number or a list); those outside the vocabulary can never be generated and are left out. */
  tokenIds(key: string, vocabSize: number): number[] {
    const value = this.get(key) ?? []
    const ids: unknown[] = Array.isArray(value) ? value : [value]
    const whole = ids.filter((id): id is number => Number.isSafeInteger(id))
    if (whole.length !== ids.length) throw this.fault(key, `is ${show(value)}, not a token id or a list of them`)
    return whole.filter((id) => id >= 0 && id < vocabSize)
  }

  fault(key: string, problem: string): MoruError {
    const message = `${this.origin}: ${key} ${problem}. The file is damaged, or of a model that Moru does not know.`
    return new MoruError('invalid_file', message, { details: { key } })
  }

  unsupported(key: string, problem: string): MoruError {
    return new MoruError('unsupported', `${this.origin}: ${key} ${problem}.`, { details: { key } })
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A foreign value for a message, at most 60 characters long. */
export function show(value: unknown): string {
  const text =
    typeof value === 'number'
      ? value.toLocaleString('en-US', { maximumSignificantDigits: 17 })
      : (JSON.stringify(value) ?? String(value))
  return printable(text.length > 60 ? `${text.slice(0, 60)}...` : text)
}
