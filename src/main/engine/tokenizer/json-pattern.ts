import { SplitPreTokenizer } from '@huggingface/tokenizers'
import { MoruError } from '../../../shared/errors'
import { asObject } from './json-fields'
import { withinTime } from './within-time'

const timeLimitMs = 1000

/** A global expression that comes from a file, and so may take forever on some texts. */
export class TextPattern {
  private readonly expression: RegExp
  private readonly where: string
  private readonly guarded: boolean

  constructor(expression: RegExp, where: string) {
    this.expression = expression
    this.where = where
    this.guarded = mayBacktrackForLong(expression.source)
  }

  matches(text: string): RegExpExecArray[] {
    return this.bounded(text, () => [...text.matchAll(this.expression)])
  }

  replace(text: string, content: string): string {
    return this.bounded(text, () => text.replace(this.expression, () => content))
  }

  private bounded<T>(text: string, work: () => T): T {
    if (!this.guarded) return work()
    const late = () =>
      new MoruError(
        'invalid_file',
        `${this.where}: the expression ${shown(this.expression.source)} takes longer than ${timeLimitMs} ms on a text of ` +
          `${text.length.toLocaleString('en')} characters. The tokenizer file is damaged or was made to do harm.`,
      )
    return withinTime(timeLimitMs, work, late)
  }
}

/**
 * Whether an expression can need more than cubic time: it repeats a group without bound, refers back, or has more than three unbounded
 * repetitions in a row. Those of the known tokenizers have none of these, and run without the guard's 0.6 ms.
 */
function mayBacktrackForLong(source: string): boolean {
  const bare = source
    .replace(/\\[pP]\{[^}]*\}/g, 'p')
    .replace(/\\[1-9k]/g, '\uffff')
    .replace(/\\./gs, 'e')
  const plain = bare.replace(/\[(?:[^\]])*\]/g, 'c')
  if (plain.includes('\uffff') || /\)(?:[*+]|\{\d+,\})/.test(plain)) return true
  return plain.split('|').some((part) => (part.match(/[*+]|\{\d+,\}/g) ?? []).length > 3)
}

/**
 * A tokenizer.json pattern ({String} or {Regex}). The library translates Oniguruma's syntax. Throws `unsupported` for an
 * expression that JavaScript cannot say.
 */
export function patternOf(value: unknown, where: string): TextPattern {
  const pattern = asObject(value, `${where}.pattern`)
  if (typeof pattern.String === 'string')
    return new TextPattern(new RegExp(pattern.String.replace(/[$()*+.?[\\\]^{|}/]/g, '\\$&'), 'gu'), where)
  if (typeof pattern.Regex !== 'string')
    throw new MoruError('invalid_file', `${where}.pattern: a text or a regular expression belongs here.`)
  try {
    const config = { type: 'Split', pattern: { Regex: pattern.Regex }, behavior: 'Isolated', invert: false } as const
    const translated = new SplitPreTokenizer(config).pattern
    if (translated) return new TextPattern(translated, where)
  } catch (thrown) {
    throw unsupported(where, pattern.Regex, thrown)
  }
  throw unsupported(where, pattern.Regex)
}

const shown = (source: string): string => JSON.stringify(source.slice(0, 80))

function unsupported(where: string, pattern: string, cause?: unknown): MoruError {
  return new MoruError('unsupported', `${where}: the expression ${shown(pattern)} has no counterpart in JavaScript.`, {
    cause,
  })
}
