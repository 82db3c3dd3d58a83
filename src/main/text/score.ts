/** text.score: perplexity over windows of a text file. */
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import { type textScore } from '../../shared/contract/text'
import { reported } from './event-queue'
import { readText, textWindows } from './read-text'
import { type TextEngine } from './text-engine'

type Input = ParsedInputOf<typeof textScore>
type Event = EventOf<typeof textScore>

/** Window w starts at token (skip + w) * window, without BOS; the first token of each is not scored. */
export function scoreText(engine: TextEngine, model: string, input: Input, signal: AbortSignal): AsyncGenerator<Event> {
  return reported<Event>(async (report) => {
    const text = await readText(input.path)
    const load = { ...input.load, contextLength: input.load.contextLength ?? Math.max(16, input.window) }
    const loaded = await engine.ensureLoaded(model, load, () => undefined, signal)
    try {
      const { window, windows } = input
      const cut = textWindows(loaded.tokenizer, text, input)
      const total = windows * (window - 1)
      const start = performance.now()
      let sum = 0
      for (let w = 0; w < windows; w++) {
        const onProgress = (done: number) => {
          const all = w * (window - 1) + done
          report({ kind: 'progress', done: all, total, tokensPerSecond: (all * 1000) / (performance.now() - start) })
        }
        const losses = await loaded.score(cut[w], { signal, onProgress })
        sum += losses.reduce((a, b) => a + b, 0)
      }
      report({ kind: 'finished', perplexity: Math.exp(sum / total), meanNll: sum / total, tokens: total })
    } finally {
      loaded.release()
    }
  })
}
