/** text.score: perplexity over windows of a text file. */
import { readFile, stat } from 'node:fs/promises'
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import { type textScore } from '../../shared/contract/text'
import { MoruError } from '../../shared/errors'
import { reported } from './event-queue'
import { type TextEngine } from './text-engine'

type Input = ParsedInputOf<typeof textScore>
type Event = EventOf<typeof textScore>

/** Texts are tokenized as a whole: more than this takes minutes and says nothing new. */
const mostBytes = 256 << 20

/** Throws not_found, and invalid_input for what is no UTF-8 text of a reasonable size. */
async function readText(path: string): Promise<string> {
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

/** Window w starts at token (skip + w) * window, without BOS; the first token of each is not scored. */
export function scoreText(engine: TextEngine, model: string, input: Input, signal: AbortSignal): AsyncGenerator<Event> {
  return reported<Event>(async (report) => {
    const text = await readText(input.path)
    const load = { ...input.load, contextLength: input.load.contextLength ?? Math.max(16, input.window) }
    const loaded = await engine.ensureLoaded(model, load, () => undefined, signal)
    try {
      const { window, windows, skip } = input
      const ids = loaded.tokenizer.encode(text, { special: false })
      const needed = (skip + windows) * window
      if (ids.length < needed)
        throw new MoruError(
          'invalid_input',
          `${input.path} has ${ids.length} tokens; ${windows} windows of ${window} after ${skip} skipped ones need ${needed}.`,
        )
      const total = windows * (window - 1)
      const start = performance.now()
      let sum = 0
      for (let w = 0; w < windows; w++) {
        const first = (skip + w) * window
        const onProgress = (done: number) => {
          const all = w * (window - 1) + done
          report({ kind: 'progress', done: all, total, tokensPerSecond: (all * 1000) / (performance.now() - start) })
        }
        const losses = await loaded.score(ids.slice(first, first + window), { signal, onProgress })
        sum += losses.reduce((a, b) => a + b, 0)
      }
      report({ kind: 'finished', perplexity: Math.exp(sum / total), meanNll: sum / total, tokens: total })
    } finally {
      loaded.release()
    }
  })
}
