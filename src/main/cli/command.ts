/** What a command is: its options, and what it does with a client of the host. */
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { type Client } from '../host/client'

type OptionsConfig = NonNullable<ParseArgsConfig['options']>

/** Wrong usage: exit code 2. */
export class UsageError extends Error {}

export interface Context {
  /** A client of the running host, or of one in this process; opened at the first call. */
  client(): Promise<Client>
  signal: AbortSignal
  json: boolean
  /** Standard output, for results. */
  print(text: string): void
  /** Standard error, for progress; overwritten in place on a terminal. */
  progress(line: string): void
  /** Ends the progress line. */
  note(line: string): void
}

export interface Command {
  name: string
  /** What follows the name, e.g. 'TEXT --model MODEL'. */
  usage: string
  summary: string
  options: OptionsConfig
  /** Runs and gives the JSON value; in text mode it prints what a person wants to read instead. */
  run(values: Values, positionals: string[], context: Context): Promise<unknown>
}

/** Option values as texts and flags. */
export class Values {
  private readonly values: Record<string, unknown>
  constructor(values: Record<string, unknown>) {
    this.values = values
  }
  flag(name: string): boolean {
    return this.values[name] === true
  }
  text(name: string): string | undefined {
    return this.values[name] as string | undefined
  }
  texts(name: string): string[] {
    return (this.values[name] as string[] | undefined) ?? []
  }
  required(name: string): string {
    const value = this.text(name)
    if (value === undefined) throw new UsageError(`--${name} is missing.`)
    return value
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
    const common: OptionsConfig = { json: { type: 'boolean' }, profile: { type: 'string' }, help: { type: 'boolean' } }
    const parsed = parseArgs({ args, options: { ...command.options, ...common }, allowPositionals: true })
    return { values: new Values(parsed.values), positionals: parsed.positionals }
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** Exactly these positionals. */
export function expectPositionals(positionals: string[], ...names: string[]): string[] {
  if (positionals.length === names.length) return positionals
  if (positionals.length < names.length) throw new UsageError(`${names[positionals.length]} is missing.`)
  throw new UsageError(`${positionals[names.length]}: nothing is expected here.`)
}
