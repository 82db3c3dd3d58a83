/** Runs one command: its client, its progress line, Ctrl+C, and its result as JSON. */
import { join } from 'node:path'
import { compose } from '../host/compose'
import { type Client, inProcessClient } from '../host/client'
import { connect } from '../host/connect'
import { createLog } from '../host/log'
import { prepareProfile } from '../host/start'
import { type Command, type Context, parseCommand } from './command'

const bundledModels = join(import.meta.dirname, '../../resources/models')

/** The host that serves the profile, if one runs; else its services in this process. */
async function openClient(profileOption: string | undefined): Promise<Client> {
  const profile = prepareProfile(profileOption)
  const running = await connect(profile)
  if (running) return running
  const log = createLog(process.env.MORU_LOG_LEVEL ?? 'error')
  const { handlers, close } = await compose(profile, { log, bundledModels, exclusive: false, restart: () => undefined })
  return inProcessClient(handlers, close)
}

export async function runCommand(command: Command, args: string[]): Promise<void> {
  const { values, positionals } = parseCommand(command, args)
  if (values.flag('help')) {
    process.stdout.write(`${command.summary}\n\nmoru ${command.name} ${command.usage}\n`)
    return
  }
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  let client: Promise<Client> | null = null
  const progress = progressLine()
  const json = values.flag('json')
  const context: Context = {
    client: () => (client ??= openClient(values.text('profile'))),
    signal: interrupted.signal,
    json,
    print: (text) => {
      progress.clear()
      process.stdout.write(text)
    },
    progress: progress.show,
    note: progress.note,
  }
  try {
    const result = await command.run(values, positionals, context)
    progress.clear()
    if (json) await new Promise<void>((resolve) => process.stdout.write(`${JSON.stringify(result)}\n`, () => resolve()))
  } finally {
    progress.clear()
    await (client as Promise<Client> | null)?.then((c) => c.close()).catch(() => undefined)
  }
}

/** One line on standard error, rewritten in place on a terminal; elsewhere only notes are written. */
function progressLine() {
  const terminal = process.stderr.isTTY === true
  let shown = false
  const clear = () => {
    if (shown) process.stderr.write('\r\x1b[2K')
    shown = false
  }
  return {
    clear,
    show: (line: string) => {
      if (!terminal) return
      clear()
      process.stderr.write(line)
      shown = true
    },
    note: (line: string) => {
      clear()
      process.stderr.write(`${line}\n`)
    },
  }
}
