/** text.score: perplexity over windows of a text file. */
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import { type textScore } from '../../shared/contract/text'
import { type CallRecorder, loadAttributes, modelAttributes, step } from '../trace'
import { reported } from './event-queue'
import { readText, textWindows } from './read-text'
import { type TextEngine } from './text-engine'

type Input = ParsedInputOf<typeof textScore>
type Event = EventOf<typeof textScore>

/** Window w starts at token (skip + w) * window, without BOS; the first token of each is not scored. */
export function scoreText(
  engine: TextEngine,
  tracer: CallRecorder,
  model: string,
  input: Input,
  signal: AbortSignal,
): AsyncGenerator<Event> {
  const { window, windows, skip } = input
  const load = { ...input.load, contextLength: input.load.contextLength ?? Math.max(16, window) }
  const attributes = {
    ...modelAttributes(model),
    ...loadAttributes(load),
    'moru.perplexity.window': window,
    'moru.perplexity.windows': windows,
    'moru.perplexity.skip': skip,
  }
  const asked = () => [{ role: 'user' as const, content: input.path }]
  return reported<Event>((report) =>
    tracer.run('perplexity', { attributes, input: asked }, async (span) => {
      const text = await readText(input.path)
      const loaded = await step('load', {}, () => engine.ensureLoaded(model, load, () => undefined, signal))
      try {
        const cut = textWindows(loaded.tokenizer, text, input)
        const total = windows * (window - 1)
        const start = performance.now()
        let sum = 0
        for (let w = 0; w < windows; w++) {
          const onProgress = (done: number) => {
            const all = w * (window - 1) + done
            report({ kind: 'progress', done: all, total, tokensPerSecond: (all * 1000) / (performance.now() - start) })
          }
          const score = () => loaded.score(cut[w], { signal, onProgress })
          const losses = await step('score', { 'moru.window': w }, score)
          sum += losses.reduce((a, b) => a + b, 0)
        }
        const perplexity = Math.exp(sum / total)
        span?.set({ 'gen_ai.usage.input_tokens': total + windows, 'moru.perplexity': perplexity })
        span?.output([{ role: 'assistant', content: String(perplexity) }])
        report({ kind: 'finished', perplexity, meanNll: sum / total, tokens: total })
      } finally {
        loaded.release()
      }
    }),
  )
}
