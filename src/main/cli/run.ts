/** Runs one command: its client, its progress line, and its result as JSON. */
import { type Client } from '../host/client'
import { type Command, type Context, parseCommand, type Values } from './command'
import { commandHelp } from './help'
import { progressLine } from './progress-line'
import { readStandardInput } from './standard-input'

export interface RunOptions {
  /** Where the built program lies. */
  programFolder: string
  /** Fires at Ctrl+C. */
  signal: AbortSignal
}

/** Throws UsageError and MoruError. Output has been handed to the system when it resolves. */
export async function runCommand(command: Command, args: string[], options: RunOptions): Promise<void> {
  const { values, positionals } = parseCommand(command, args)
  if (values.flag('help')) return write(commandHelp(command))
  const line = progressLine()
  let client: Promise<Client> | null = null
  const context: Context = {
    client: () => (client ??= open(values, options.programFolder)),
    signal: options.signal,
    json: values.flag('json'),
    input: readStandardInput,
    print: (text) => {
      line.clear()
      process.stdout.write(text)
    },
    progress: line.show,
    note: line.note,
  }
  try {
    await execute(command, values, positionals, context)
  } finally {
    line.clear()
    await (client as Promise<Client> | null)?.then((c) => c.close()).catch(() => undefined)
  }
}

/** The host's code is loaded here first: help and wrong usage need none of it. */
async function open(values: Values, programFolder: string): Promise<Client> {
  const { openClient } = await import('./open-client')
  return openClient(values.filled('profile'), programFolder)
}

async function execute(command: Command, values: Values, positionals: string[], context: Context): Promise<void> {
  values.filled('profile')
  const result = await command.run(values, positionals, context)
  await write(context.json ? `${JSON.stringify(result)}\n` : '')
}

/** Resolves once the text, and all that was written before, is out: ending the process earlier would cut it off. */
function write(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()))
}
