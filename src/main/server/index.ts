/** The product without a window of its own: a supervised host, and an address for any browser on this machine. */
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { defaultProfileDirectory } from '../../shared/profile-directory'
import { MoruError, toMoruError } from '../../shared/errors'
import { findNode } from '../supervisor/find-node'
import { Supervisor } from '../supervisor/supervisor'

const root = join(import.meta.dirname, '../..')

/** Runs until a signal comes or the host cannot be kept running. Answers the exit status. */
async function serve(args: string[]): Promise<number> {
  const { port, profile } = readArguments(args)
  mkdirSync(profile, { recursive: true, mode: 0o700 })
  const surroundings = { root, execPath: process.execPath, nodeVersion: process.versions.node, electron: false }
  const entry = join(import.meta.dirname, 'host.js')
  const supervisor = new Supervisor({ node: findNode(surroundings), entry, profile, port })
  const ended = Promise.withResolvers<number>()
  let stopping = false
  const stop = () => {
    // Asked twice: somebody is in a hurry.
    if (stopping) process.exit(1)
    stopping = true
    void supervisor.stop().then(() => ended.resolve(0))
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  process.on('SIGHUP', stop)
  supervisor.onState((state) => {
    if (state.kind === 'restarting')
      say(`the host ended (${state.reason}) and is started again; see ${supervisor.logPath}`)
    if (state.kind === 'failed') ended.reject(state.error)
  })
  supervisor.start().then(
    // The one line on standard output: whoever opens it is let in.
    ({ port, token }) => process.stdout.write(`http://127.0.0.1:${port}/?token=${token}\n`),
    (error) => stopping || ended.reject(error),
  )
  return ended.promise
}

function readArguments(args: string[]): { port: number; profile: string } {
  const options = { port: { type: 'string', default: '0' }, profile: { type: 'string' } } as const
  const usage = 'Options: --port PORT, --profile DIR.'
  let values
  try {
    values = parseArgs({ args, options }).values
  } catch (cause) {
    throw new MoruError('invalid_input', `${(cause as Error).message}. ${usage}`, { cause })
  }
  const port = Number(values.port)
  if (!/^\d{1,5}$/.test(values.port) || port > 65_535)
    throw new MoruError('invalid_input', `--port ${values.port}: a port is a number from 0 (any free one) to 65535.`)
  if (values.profile === '') throw new MoruError('invalid_input', `--profile needs a folder. ${usage}`)
  const profile = resolve(values.profile ?? defaultProfileDirectory(process.platform, process.env, homedir()))
  return { port, profile }
}

const say = (text: string) => process.stderr.write(`moru: ${text}\n`)

try {
  process.exitCode = await serve(process.argv.slice(2))
} catch (thrown) {
  const error = toMoruError(thrown)
  say(error.message)
  process.exitCode = error.code === 'invalid_input' ? 2 : 1
}
