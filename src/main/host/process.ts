/** The process around a host: its arguments, its parent, its signals and its end. */
import { parseArgs } from 'node:util'
import { MoruError, toMoruError } from '../../shared/errors'
import { type HostToParent, parentToHost, restartExitCode, tokenVariable } from '../../shared/host-messages'
import { createLog } from './log'
import { type RunningHost, type Services, startHost } from './start'
import { type ParentChannel, serveParent } from './transports/ipc'

export interface ComposeContext {
  log: ReturnType<typeof createLog>
  /** Ends this process in good order and has it started again: the profile was replaced. */
  restart: () => void
}
export type Compose = (profile: string, context: ComposeContext) => Promise<Services>

/** Runs a host until it is told to stop, its parent goes away or a signal comes. Ends the process. */
export async function runHostProcess(compose: Compose, rendererDirectory: string): Promise<void> {
  const log = createLog(process.env.MORU_LOG_LEVEL)
  const token = process.env[tokenVariable]
  // Programs that the host may start have no business with it.
  delete process.env[tokenVariable]
  const parent = process.send ? parentChannel() : null
  let host: RunningHost | null = null
  let ending = false

  const end = async (code: number, reason: string) => {
    if (ending) return
    ending = true
    log.info({ reason }, 'host stops')
    // Whatever hangs must not keep a window or a terminal waiting.
    setTimeout(() => process.exit(code), 4000).unref()
    await host?.stop().catch((err) => log.error({ err }, 'stopping failed'))
    process.exit(code)
  }
  dieOnDefects(log)
  parent?.onMessage((raw) => parentToHost.parse(raw).kind === 'stop' && void end(0, 'its parent asked'))
  process.on('disconnect', () => void end(0, 'its parent is gone'))
  process.on('SIGTERM', () => void end(0, 'SIGTERM'))
  // Ctrl+C reaches the whole process group: under a parent it is the parent's to decide.
  process.on('SIGINT', () => void (parent ?? end(0, 'SIGINT')))

  try {
    const { profile, port } = readArguments(process.argv.slice(2))
    const context: ComposeContext = { log, restart: () => void end(restartExitCode, 'restart asked for') }
    const checkOutputs = process.env.MORU_CHECK_OUTPUTS === '1'
    host = await startHost({
      profile,
      port,
      token,
      rendererDirectory,
      log,
      checkOutputs,
      compose: (directory) => compose(directory, context),
    })
    log.info({ port: host.port, profile: host.profile, node: process.version }, 'host is ready')
    if (!parent) return
    serveParent(parent, host.dispatcher)
    parent.send({ kind: 'ready', port: host.port, token: host.token }, () => undefined)
  } catch (thrown) {
    refuse(thrown, parent, log)
  }
}

function parentChannel(): ParentChannel {
  return {
    send: (message: HostToParent, callback) =>
      process.send!(message, undefined, undefined, (error: Error | null) => callback(error)),
    onMessage: (listener) => process.on('message', listener),
  }
}

function readArguments(args: string[]): { profile?: string; port: number } {
  const options = { profile: { type: 'string' }, port: { type: 'string', default: '0' } } as const
  let values
  try {
    values = parseArgs({ args, options }).values
  } catch (cause) {
    throw new MoruError('invalid_input', `${(cause as Error).message} Options: --profile DIR, --port PORT.`, { cause })
  }
  const port = Number(values.port)
  if (!/^\d+$/.test(values.port) || port > 65_535)
    throw new MoruError('invalid_input', `--port ${values.port}: a port is a number from 0 (any free one) to 65535.`)
  return { profile: values.profile, port }
}

/** Says why the host does not start, to the parent and on standard error, and ends the process. */
function refuse(thrown: unknown, parent: ParentChannel | null, log: ReturnType<typeof createLog>): void {
  const error = toMoruError(thrown)
  if (error.code === 'internal') log.fatal({ err: error.cause ?? error }, 'host does not start')
  else log.fatal({ code: error.code }, error.message)
  if (!parent) process.exit(1)
  parent.send({ kind: 'refused', error: error.toShape() }, () => process.exit(1))
}

/** After a defect that nothing caught, state is unknown: the log gets it, and the supervisor starts a fresh process. */
function dieOnDefects(log: ReturnType<typeof createLog>): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (err: unknown) => {
      log.fatal({ err }, event)
      process.exit(1)
    })
}
