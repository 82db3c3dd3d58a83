/** What `moru help` and `moru COMMAND --help` print. */
import { type Command } from './command'

const everywhere =
  'Everywhere: --json prints one JSON value on standard output; --profile DIR chooses the data directory; --help.\n' +
  'MODEL is an id of the library or a path: a GGUF file or first shard, or a safetensors folder. Default: the bundled chat model.\n'

export function commandHelp(command: Command): string {
  return `${command.summary}.\n\nUsage: moru ${command.name} ${command.usage}\n\n${everywhere}`
}

export function helpText(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((c) => c.name.length))
  const lines = commands.map((c) => `  ${c.name.padEnd(width)}  ${c.summary}`)
  return `Usage: moru COMMAND [options]\n\n${lines.join('\n')}\n\nmoru COMMAND --help shows a command's options.\n\n${everywhere}`
}
