/** A store with a tracer over it. */
import { onTestFinished } from 'vitest'
import { type TraceWrite } from '../../../src/main/store'
import { Tracer, TraceService } from '../../../src/main/trace'
import { temporaryFolder, temporaryStore } from '../store/temporary-profile'

export function tracing(folder = temporaryFolder()) {
  const store = temporaryStore(folder)
  const troubles: unknown[] = []
  const tracer = new Tracer(store, (error) => troubles.push(error))
  const service = new TraceService(store, tracer)
  onTestFinished(() => service.close())
  return { folder, store, tracer, service, troubles }
}

let made = 0
/** A call that has ended, as a batch has it. */
export function ended(change: Partial<TraceWrite['trace']> = {}, said: { in?: string; out?: string } = {}): TraceWrite {
  made += 1
  const trace = {
    id: made.toString(16).padStart(32, '0'),
    kind: 'chat' as const,
    model: 'smol',
    startedAt: 1_700_000_000_000 + made,
    durationMs: 10,
    ttftMs: null,
    state: 'ok' as const,
    error: null,
    finishReason: 'stop',
    inputTokens: 3,
    outputTokens: 4,
    cache: null,
    conversationId: null,
    messageId: null,
    replayOf: null,
    preview: said.in ?? '',
    ...change,
  }
  const { startedAt } = trace
  const root = { id: made.toString(16).padStart(16, '0'), parentId: null, name: trace.kind, startedAt, durationMs: 10 }
  return {
    trace,
    spans: [{ ...root, state: 'ok', error: null, attributes: { 'gen_ai.request.model': trace.model } }],
    content: {
      input: [{ role: 'user', content: said.in ?? '' }],
      output: [{ role: 'assistant', content: said.out ?? '' }],
    },
  }
}
