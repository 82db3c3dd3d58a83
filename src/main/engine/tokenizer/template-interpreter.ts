/** Runs a Jinja template from outside: bounded in time, steps and sizes, so that a hostile one ends in an error. */
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja'
import { MoruError } from '../../../shared/errors'
import { strftime } from './strftime'
import { withinTime } from './within-time'

/** Longest published templates are below 64 Ki characters. */
const sourceLimit = 512 * 1024
/** Characters of any text, items of any list while rendering. */
const textLimit = 32 * 1024 * 1024
const listLimit = 1_000_000
/** As in Jinja's own sandbox. */
const rangeLimit = 100_000
const stepLimit = 5_000_000
/** Wall time for all work on one prompt. */
export const timeLimitMs = 1500

export type TemplateProgram = ReturnType<typeof parse>

/** What a template said with raise_exception. */
export class TemplateRefusal extends Error {}
/** A template's own mistake with these messages. */
export class TemplateFailure extends Error {}
class LimitReached extends Error {}
const late = () => new LimitReached(`it takes longer than ${timeLimitMs} ms`)

class BoundedInterpreter extends Interpreter {
  private steps = 0

  override evaluate(
    statement: Parameters<Interpreter['evaluate']>[0],
    environment: Environment,
  ): ReturnType<Interpreter['evaluate']> {
    if (++this.steps > stepLimit) throw new LimitReached(`it takes more than ${stepLimit} steps`)
    const result = super.evaluate(statement, environment)
    const value: unknown = result?.value
    if (typeof value === 'string' && value.length > textLimit)
      throw new LimitReached(`it builds a text of more than ${textLimit} characters`)
    if (Array.isArray(value) && value.length > listLimit)
      throw new LimitReached(`it builds a list of more than ${listLimit} items`)
    return result
  }
}

/** Parses a template as transformers does (trim_blocks, lstrip_blocks). Throws `invalid_file` when it is not Jinja. */
export function parseTemplate(source: string): TemplateProgram {
  if (source.length > sourceLimit)
    throw new MoruError(
      'invalid_file',
      `The chat template is ${source.length} characters long; Moru reads templates up to ${sourceLimit}.`,
    )
  try {
    return withinTime(timeLimitMs, () => parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true })), late)
  } catch (thrown) {
    throw new MoruError('invalid_file', `The chat template cannot be read: ${wordsOf(thrown)}.`, { cause: thrown })
  }
}

/**
 * Renders a template. Throws TemplateRefusal with the template's own words, TemplateFailure where it stumbles, and
 * `invalid_file` when it exceeds the limits.
 */
export function renderTemplate(program: TemplateProgram, variables: Record<string, unknown>, now: Date): string {
  const environment = new Environment()
  for (const [name, value] of Object.entries({ ...globals(now), ...variables })) environment.set(name, value)
  try {
    const result: unknown = withinTime(timeLimitMs, () => new BoundedInterpreter(environment).run(program), late).value
    if (typeof result === 'string') return result
  } catch (thrown) {
    if (thrown instanceof TemplateRefusal) throw thrown
    if (thrown instanceof LimitReached || thrown instanceof RangeError) throw cannotRender(wordsOf(thrown), thrown)
    throw new TemplateFailure(wordsOf(thrown), { cause: thrown })
  }
  throw new TemplateFailure('it gives no text')
}

/** The error for a template that does not work. */
export function cannotRender(why: string, cause: unknown): MoruError {
  return new MoruError(
    'invalid_file',
    `The chat template cannot be rendered: ${why}. Choose another template for the model.`,
    { cause },
  )
}

function globals(now: Date): Record<string, unknown> {
  return {
    ...{ true: true, True: true, false: false, False: false, none: null, None: null },
    range: boundedRange,
    strftime_now: (format: unknown) => strftime(now, String(format)),
    raise_exception: (message: unknown) => {
      throw new TemplateRefusal(String(message))
    },
  }
}

/** Python's range; at most 100,000 numbers. */
function boundedRange(...bounds: unknown[]): number[] {
  const numbers = bounds.filter((bound) => typeof bound === 'number')
  const [start, stop] = numbers.length === 1 ? [0, numbers[0]] : numbers
  const step = numbers[2] ?? 1
  const count = Math.max(0, Math.ceil((stop - start) / step))
  if (!Number.isFinite(count)) throw new Error('range() needs one to three numbers and a step other than 0')
  if (count > rangeLimit) throw new LimitReached(`range() asks for more than ${rangeLimit} numbers`)
  return Array.from({ length: count }, (_, i) => start + i * step)
}

function wordsOf(thrown: unknown): string {
  if (thrown instanceof RangeError) return 'it nests too deeply or builds a text that is too long'
  return thrown instanceof Error ? thrown.message.slice(0, 300) : String(thrown)
}
