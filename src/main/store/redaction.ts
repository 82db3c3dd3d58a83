/** Takes secrets out of what is written about calls and jobs, before it is written. */
import { createContext, Script } from 'node:vm'
import { defaultRedactions, redactor } from '../../shared/redaction'

/** A person's own patterns may take this long for a text; then all of the text is left out. */
const limitMs = 500
const tooSlow = '[left out: a redaction pattern took too long]'
/** Shorter ones would match what is no secret. */
const shortestSecret = 6

const realm = createContext({ work: (): string => '' })
const call = new Script('work()')

export interface Redaction {
  text(text: string): string
  /** The same value with all texts in it redacted; keys of objects stay. */
  deep<T>(value: T): T
  /** Patterns or secrets have changed. */
  refresh(): void
}

/** `read` answers the patterns of the settings, and secrets that the program itself holds. */
export function redactionOf(read: () => { patterns: readonly string[]; secrets: readonly string[] }): Redaction {
  let compiled: ((text: string) => string) | null = null
  const compile = () => {
    const { patterns, secrets } = read()
    const held = secrets.filter((secret) => secret.length >= shortestSecret)
    const usual = new Set(defaultRedactions)
    const own = patterns.filter((pattern) => !usual.has(pattern))
    const first = redactor(
      patterns.filter((pattern) => usual.has(pattern)),
      held,
    )
    if (own.length === 0) return first
    const second = redactor(own)
    return (text: string) => withinLimit(() => second(first(text)))
  }
  const text = (value: string) => (compiled ??= compile())(value)
  const deep = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value)
    if (Array.isArray(value)) return value.map(deep)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, deep(inner)]))
  }
  return { text, deep: <T>(value: T) => deep(value) as T, refresh: () => void (compiled = null) }
}

/** V8 stops a regular expression that would never end. */
function withinLimit(work: () => string): string {
  let result = tooSlow
  realm.work = () => (result = work())
  try {
    call.runInContext(realm, { timeout: limitMs })
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw thrown
  }
  return result
}
