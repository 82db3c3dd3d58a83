/** Finds the command, runs it, and turns what happens into output and exit code. */
import { version } from '../../../package.json'
import { toMoruError } from '../../shared/errors'
import { UsageError } from './command'
import { commands, findCommand } from './commands'
import { commandHelp, helpText } from './help'
import { runCommand } from './run'

/** Exit code of a program ended by Ctrl+C: 128 + SIGINT. */
const interruptedCode = 130
/** What has not wound up by then after Ctrl+C is left as it is: the database survives that. */
const graceMs = 1500

/** Runs the command line. Answers the exit code; output has been handed to the system. */
export async function main(args: string[], programFolder: string): Promise<number> {
  const interrupted = new AbortController()
  process.on('SIGINT', () => {
    if (interrupted.signal.aborted) process.exit(interruptedCode)
    interrupted.abort()
    setTimeout(() => process.exit(interruptedCode), graceMs).unref()
  })
  const [name, ...rest] = commandFirst(args)
  try {
    if (name === undefined) {
      process.stderr.write(helpText(commands))
      return 2
    }
    if (name === '--version') process.stdout.write(`${version}\n`)
    else if (['help', '--help', '-h'].includes(name))
      process.stdout.write(rest.length > 0 ? commandHelp(findCommand(rest[0])) : helpText(commands))
    else await runCommand(findCommand(name), rest, { programFolder, signal: interrupted.signal })
    return interrupted.signal.aborted ? interruptedCode : 0
  } catch (thrown) {
    if (interrupted.signal.aborted) return interruptedCode
    process.stderr.write(complaint(thrown, name))
    return thrown instanceof UsageError ? 2 : 1
  }
}

/** Options of every command may stand before its name: `moru --profile DIR search …`. */
function commandFirst(args: string[]): string[] {
  let at = 0
  for (;;)
    if (args[at] === '--json' || args[at]?.startsWith('--profile=')) at++
    else if (args[at] === '--profile') at += 2
    else break
  const name = args[at]
  return name === undefined ? args : [name, ...args.slice(at + 1), ...args.slice(0, at)]
}

/** A message of a few lines for whatever was thrown; never a stack. */
export function complaint(thrown: unknown, command?: string): string {
  if (thrown instanceof UsageError) {
    const known = commands.some((c) => c.name === command)
    return `moru: ${thrown.message}\n${known ? `moru ${command} --help` : 'moru help'} shows what it takes.\n`
  }
  const { code, message } = toMoruError(thrown)
  return code === 'internal' ? `moru: something went wrong inside Moru: ${message}\n` : `moru: ${message}\n`
}
