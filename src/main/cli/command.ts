/** What a command is: its options, and what it does with a client of the host. */
import { resolve } from 'node:path'
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { type Endpoint, type InputOf } from '../../shared/contract'
import { type Client } from '../host/client'

type OptionsConfig = NonNullable<ParseArgsConfig['options']>

/** Wrong usage: exit code 2. The message is one line. */
export class UsageError extends Error {}

export interface Context {
  /** A client of the running host, or of one in this process; opened at the first call. */
  client(): Promise<Client>
  signal: AbortSignal
  json: boolean
  /** All of standard input. */
  input(): Promise<string>
  /** Standard output, for results. */
  print(text: string): void
  /** Standard error, for progress; overwritten in place on a terminal, now and then a line elsewhere. */
  progress(line: string): void
  /** Standard error, for what is worth keeping on the screen. */
  note(line: string): void
}

export interface Command {
  name: string
  /** What follows the name, e.g. 'TEXT --model MODEL'. */
  usage: string
  summary: string
  options: OptionsConfig
  /** Positionals that are texts, which may begin with a dash. */
  texts?: number
  /** Runs and gives the JSON value; in text mode it prints what a person wants to read instead. */
  run(values: Values, positionals: string[], context: Context): Promise<unknown>
}

/** What every command takes. */
export const commonOptions = {
  json: { type: 'boolean' },
  profile: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies OptionsConfig

/** Option values as texts and flags. */
export class Values {
  private readonly values: Record<string, unknown>
  constructor(values: Record<string, unknown>) {
    this.values = values
  }
  flag(name: string): boolean {
    return this.values[name] === true
  }
  /** As given, even when empty. */
  text(name: string): string | undefined {
    return this.values[name] as string | undefined
  }
  /** An option that says something, if it is given at all. Throws UsageError for an empty one. */
  filled(name: string): string | undefined {
    const value = this.text(name)
    if (value === '') throw new UsageError(`--${name} has no value.`)
    return value
  }
  required(name: string): string {
    const value = this.filled(name)
    if (value === undefined) throw new UsageError(`--${name} is missing.`)
    return value
  }
  texts(name: string): string[] {
    return (this.values[name] as string[] | undefined) ?? []
  }
  /** A finite number; undefined when the option is absent. */
  number(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = Number(text)
    if (text.trim() === '' || !Number.isFinite(value)) throw new UsageError(`--${name} ${text}: not a number.`)
    return value
  }
}

/** Parses what follows a command's name. Throws UsageError for unknown options, missing values and the like. */
export function parseCommand(command: Command, args: string[]): { values: Values; positionals: string[] } {
  try {
    const options = { ...command.options, ...commonOptions }
    const parsed = parseArgs({ args: joined(args, options, command.texts ?? 0), options, allowPositionals: true })
    return { values: new Values(parsed.values), positionals: parsed.positionals }
  } catch (error) {
    // Node also tells how to write an option's name as a text; nobody means that here.
    throw new UsageError((error as Error).message.replaceAll(/\s+/g, ' ').replace(/ To specify a positional.*/, ''))
  }
}

/**
 * Texts and numbers may begin with a dash: `--prompt "- milk"`, `--presence-penalty -0.5`, `tokenize "-5 + 3"`. What looks like
 * an option stays one, so that a value that was forgotten is noticed. `texts`: how many positionals are texts.
 */
function joined(args: string[], options: OptionsConfig, texts: number): string[] {
  const result: string[] = []
  let left = texts
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--') return [...result, ...args.slice(i)]
    const takes = takesValue(args[i], options)
    if (takes && i + 1 < args.length && beginsWithDash(args[i + 1]) && !isOption(args[i + 1], options))
      result.push(`${takes}=${args[++i]}`)
    else if (takes && i + 1 < args.length) result.push(args[i], args[++i])
    else if (left > 0 && beginsWithDash(args[i]) && !isOption(args[i], options))
      return [...result, ...args.slice(i + 1), '--', args[i]]
    else {
      if (!args[i].startsWith('-')) left--
      result.push(args[i])
    }
  }
  return result
}

const beginsWithDash = (text: string): boolean => text.length > 1 && text.startsWith('-')

/** An option that is known, or one that is written like one: `--word`, `--word=value`. */
const isOption = (text: string, options: OptionsConfig): boolean =>
  /^--[a-z][a-z-]*(=|$)/.test(text) || Object.values(options).some(({ short }) => short && text === `-${short}`)

/** The long name of an option whose value is the next argument. */
function takesValue(text: string, options: OptionsConfig): string | null {
  const found = Object.entries(options).find(([name, { short }]) => text === `--${name}` || text === `-${short}`)
  return found && found[1].type === 'string' ? `--${found[0]}` : null
}

/** Exactly these positionals. */
export function expectPositionals(positionals: string[], ...names: string[]): string[] {
  if (positionals.length > names.length) throw new UsageError(`${positionals[names.length]}: nothing is expected here.`)
  const missing = names[positionals.length]
  if (missing !== undefined) throw new UsageError(`${missing} is missing.`)
  return positionals
}

/** The one of `choices` that an option names. Throws UsageError with all of them. */
export function oneOf<T extends string>(option: string, value: string, choices: readonly T[]): T {
  const chosen = choices.find((choice) => choice === value)
  if (chosen !== undefined) return chosen
  throw new UsageError(`--${option} ${value}: ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}.`)
}

/** What one of a command's parts does: `moru runs list`. */
export type Action = Command['run']

/** The action that the word behind the command names. Throws UsageError with all of them. */
export function actionOf(command: string, actions: Readonly<Record<string, Action>>, name: string): Action {
  if (Object.hasOwn(actions, name)) return actions[name]
  throw new UsageError(`${command} ${name}: it can ${Object.keys(actions).join(', ')}.`)
}

/**
 * A request whose values come from options, checked before anything is started: what its schema refuses is wrong usage.
 * `names` maps fields of the request to options that are called otherwise.
 */
export function checked<E extends Endpoint>(
  endpoint: E,
  input: InputOf<E>,
  names: Record<string, string> = {},
): InputOf<E> {
  const parsed = endpoint.input.safeParse(input)
  if (parsed.success) return input
  const [issue] = parsed.error.issues
  const field = String(issue.path.findLast((part) => typeof part === 'string') ?? '')
  const option = names[field] ?? `--${field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  throw new UsageError(`${option}: ${issue.message}.`)
}

/** A path as the person means it: from the folder where the command was started. Throws UsageError for none. */
export function pathOf(text: string): string {
  if (text === '') throw new UsageError('A path is empty.')
  // The host knows what ~ stands for.
  return text.startsWith('~') ? text : resolve(text)
}
