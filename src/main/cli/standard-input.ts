/** Standard input as text. */
import { buffer } from 'node:stream/consumers'
import { MoruError } from '../../shared/errors'

/** All of standard input without its last line break, which programs that print a line add. Throws invalid_input when it is not UTF-8. */
export async function readStandardInput(stream: NodeJS.ReadableStream = process.stdin): Promise<string> {
  const bytes = await buffer(stream)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '')
  } catch (cause) {
    throw new MoruError('invalid_input', 'Standard input is not UTF-8 text.', { cause })
  }
}
