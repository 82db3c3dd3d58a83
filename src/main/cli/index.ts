/** The command line's entry (out/main/moru.js): whatever goes wrong from here on ends in a message and an exit code. */

function fail(thrown: unknown): never {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  process.stderr.write(`moru: something went wrong inside Moru: ${message}\n`)
  process.exit(1)
}
process.on('uncaughtException', fail)
process.on('unhandledRejection', fail)
// Whoever read the output has seen enough ("moru ... | head").
process.stdout.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' ? process.exit(0) : fail(error)))
process.stderr.on('error', () => process.exit(1))

// Loaded only now, so that even a broken installation gets a message instead of a stack.
const { main } = await import('./main').catch(fail)
// The GPU's binding keeps timers of its own; whatever is left has nothing to say any more.
process.exit(await main(process.argv.slice(2), import.meta.dirname).catch(fail))
