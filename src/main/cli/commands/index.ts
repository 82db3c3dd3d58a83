/** The table of commands. */
import { type Command, UsageError } from '../command'
import { ask } from './ask'
import { bench } from './bench'
import { compare } from './compare'
import { convert } from './convert'
import { doctor } from './doctor'
import { embed } from './embed'
import { evaluate } from './evaluate'
import { chat, generate } from './generate'
import { imatrix } from './imatrix'
import { index } from './index-command'
import { logs } from './logs'
import { models } from './models'
import { perplexity } from './perplexity'
import { profile } from './profile'
import { runs } from './runs'
import { quantize } from './quantize'
import { search } from './search'
import { tokenize } from './tokenize'

export const commands: readonly Command[] = [
  doctor,
  models,
  chat,
  generate,
  tokenize,
  perplexity,
  quantize,
  compare,
  convert,
  imatrix,
  embed,
  index,
  search,
  ask,
  evaluate,
  bench,
  profile,
  logs,
  runs,
]

export function findCommand(name: string): Command {
  const command = commands.find((c) => c.name === name)
  if (!command) throw new UsageError(`${name} is not a command. Commands: ${commands.map((c) => c.name).join(', ')}.`)
  return command
}
