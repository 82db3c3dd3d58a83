/** The table of commands. */
import { type Command, UsageError } from '../command'
import { chat, generate } from './generate'
import { perplexity } from './perplexity'
import { tokenize } from './tokenize'

export const commands: readonly Command[] = [chat, generate, tokenize, perplexity]

export function findCommand(name: string): Command {
  const command = commands.find((c) => c.name === name)
  if (!command) throw new UsageError(`${name} is not a command. Commands: ${commands.map((c) => c.name).join(', ')}.`)
  return command
}

export function helpText(): string {
  const width = Math.max(...commands.map((c) => c.name.length))
  const lines = commands.map(
    (c) => `  ${c.name.padEnd(width)}  ${c.summary}\n  ${' '.repeat(width)}  moru ${c.name} ${c.usage}`,
  )
  return `Usage: moru COMMAND [options]\n\n${lines.join('\n')}\n\nEverywhere: --json (one JSON value on standard output), --profile DIR\n`
}
