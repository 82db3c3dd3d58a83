import { SplitPreTokenizer } from '@huggingface/tokenizers'
import { MoruError } from '../../../shared/errors'
import { asObject } from './json-fields'

/**
 * A tokenizer.json pattern ({String} or {Regex}) as a global JavaScript expression. The library translates Oniguruma's
 * syntax. Throws `unsupported` for an expression that JavaScript cannot say.
 */
export function patternOf(value: unknown, where: string): RegExp {
  const pattern = asObject(value, `${where}.pattern`)
  if (typeof pattern.String === 'string')
    return new RegExp(pattern.String.replace(/[$()*+.?[\\\]^{|}/]/g, '\\$&'), 'gu')
  if (typeof pattern.Regex !== 'string')
    throw new MoruError('invalid_file', `${where}.pattern: a text or a regular expression belongs here.`)
  try {
    const config = { type: 'Split', pattern: { Regex: pattern.Regex }, behavior: 'Isolated', invert: false } as const
    const translated = new SplitPreTokenizer(config).pattern
    if (translated) return translated
  } catch (thrown) {
    throw unsupported(where, pattern.Regex, thrown)
  }
  throw unsupported(where, pattern.Regex)
}

function unsupported(where: string, pattern: string, cause?: unknown): MoruError {
  const shown = JSON.stringify(pattern.slice(0, 80))
  return new MoruError('unsupported', `${where}: the expression ${shown} has no counterpart in JavaScript.`, { cause })
}
