/** The table of commands. */
import { type Command, UsageError } from '../command'
import { bench } from './bench'
import { doctor } from './doctor'
import { chat, generate } from './generate'
import { models } from './models'
import { perplexity } from './perplexity'
import { tokenize } from './tokenize'

export const commands: readonly Command[] = [doctor, models, chat, generate, tokenize, perplexity, bench]

export function findCommand(name: string): Command {
  const command = commands.find((c) => c.name === name)
  if (!command) throw new UsageError(`${name} is not a command. Commands: ${commands.map((c) => c.name).join(', ')}.`)
  return command
}
