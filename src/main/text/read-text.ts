/** Texts from files, and the windows of tokens that models are measured on. */
import { readFile, stat } from 'node:fs/promises'
import { MoruError } from '../../shared/errors'
import { type Tokenizer } from '../engine'

/** Texts are tokenized as a whole: more than this takes minutes and says nothing new. */
const mostBytes = 256 << 20

/** Throws not_found, and invalid_input for what is no UTF-8 text of a reasonable size. */
export async function readText(path: string): Promise<string> {
  const found = await stat(path).catch(() => null)
  if (!found) throw new MoruError('not_found', `There is no file ${path}.`)
  if (!found.isFile()) throw new MoruError('invalid_input', `${path} is not a file; a text is expected.`)
  if (found.size > mostBytes)
    throw new MoruError(
      'invalid_input',
      `${path} is larger than ${mostBytes / 2 ** 20} MiB. Cut a part out of it: a few windows of text are enough.`,
    )
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path))
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    throw new MoruError('invalid_input', `${path} is not UTF-8 text.`, { cause })
  }
}

/**
 * Ids of `windows` windows of `window` tokens, without BOS; window w starts at token (skip + w) * window. Throws invalid_input when
 * the text is too short.
 */
export function textWindows(
  tokenizer: Tokenizer,
  text: string,
  { path, window, windows, skip }: { path: string; window: number; windows: number; skip: number },
): number[][] {
  const ids = tokenizer.encode(text, { special: false })
  const needed = (skip + windows) * window
  if (ids.length < needed)
    throw new MoruError(
      'invalid_input',
      `${path} has ${ids.length} tokens; ${windows} windows of ${window} after ${skip} skipped ones need ${needed}.`,
    )
  return Array.from({ length: windows }, (_, w) => ids.slice((skip + w) * window, (skip + w + 1) * window))
}
