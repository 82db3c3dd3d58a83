/** The two phases of a generation as steps: prefill until the first token, decode from there on. */
import { type GenerateEvent } from '../engine'
import { usageAttributes } from './attributes'
import { currentSpan, type Span } from './span'

/** The events as they are, with steps below the span that the caller is in. Costs nothing a token but one comparison. */
export function tracedGeneration(events: AsyncIterable<GenerateEvent>): AsyncIterable<GenerateEvent> {
  const span = currentSpan()
  return span ? traced(events, span) : events
}

async function* traced(events: AsyncIterable<GenerateEvent>, span: Span): AsyncGenerator<GenerateEvent> {
  let phase = span.child('prefill')
  let decoding = false
  try {
    for await (const event of events) {
      if (!decoding && event.kind !== 'prefill') {
        decoding = true
        phase.end()
        phase = span.child('decode')
      }
      if (event.kind === 'finished') finish(event, span, phase)
      yield event
    }
    phase.end()
  } catch (thrown) {
    phase.end(thrown)
    throw thrown
  } finally {
    // A reader that left.
    phase.markCancelled()
    phase.end()
  }
}

function finish(event: Extract<GenerateEvent, { kind: 'finished' }>, span: Span, decode: Span): void {
  const { usage, finishReason, ttftMs, prefillTokensPerSecond, decodeTokensPerSecond } = event
  const usages = usageAttributes(usage)
  const figures = {
    'gen_ai.response.finish_reasons': [finishReason],
    'moru.ttft_ms': ttftMs,
    'moru.prefill_tokens_per_second': prefillTokensPerSecond,
    'moru.decode_tokens_per_second': decodeTokensPerSecond,
  }
  span.set({ ...usages, ...figures })
  decode.set({ 'gen_ai.usage.output_tokens': usage.completionTokens })
  const { root } = span.call
  if (finishReason === 'cancelled') {
    span.markCancelled()
    root.markCancelled()
    decode.markCancelled()
  }
  decode.end()
  if (span === root) return
  // A call may generate several times: its tokens are all of them, the rest is the last one's.
  for (const [name, value] of Object.entries(usages))
    root.attributes[name] = Number(root.attributes[name] ?? 0) + (value as number)
  root.set(figures)
}
