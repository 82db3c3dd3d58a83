/** The command line's entry (out/main/moru.js): finds the command, runs it, and turns what happens into output and exit code. */
import { toMoruError } from '../../shared/errors'
import { UsageError } from './command'
import { findCommand, helpText } from './commands'
import { runCommand } from './run'

const [name, ...args] = process.argv.slice(2)
try {
  if (name === undefined || name === 'help' || name === '--help') {
    process.stdout.write(helpText())
    process.exitCode = name === undefined ? 2 : 0
  } else {
    await runCommand(findCommand(name), args)
  }
} catch (thrown) {
  process.exitCode = thrown instanceof UsageError ? 2 : 1
  process.stderr.write(`moru: ${thrown instanceof UsageError ? thrown.message : toMoruError(thrown).message}\n`)
}
// The GPU's binding keeps timers of its own; whatever is left has nothing to say any more.
process.exit()
