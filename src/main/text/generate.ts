/** text.generate: continues a text, ids or a chat; nothing is stored but a trace. */
import { type ParsedInputOf } from '../../shared/contract'
import { type textEvent, type textGenerate } from '../../shared/contract/text'
import { type TraceMessage } from '../../shared/contract/traces'
import { MoruError } from '../../shared/errors'
import { chatUnsupported, type GenerateEvent } from '../engine'
import {
  type CallRecorder,
  loadAttributes,
  modelAttributes,
  samplingAttributes,
  type Span,
  step,
  tracedGeneration,
} from '../trace'
import { reported } from './event-queue'
import { type TextEngine, type TextModel } from './text-engine'
import { type z } from 'zod'

type Input = ParsedInputOf<typeof textGenerate>
export type TextEvent = z.output<typeof textEvent>

export function generateText(
  engine: TextEngine,
  tracer: CallRecorder,
  model: string,
  input: Input,
  signal: AbortSignal,
): AsyncGenerator<TextEvent> {
  const kind = input.source.kind === 'chat' ? 'chat' : 'generate'
  const attributes = {
    ...modelAttributes(model),
    ...samplingAttributes(input.sampling),
    ...loadAttributes(input.load),
    ...(input.replayOf !== null && { 'moru.replay_of': input.replayOf }),
  }
  return reported((report) =>
    tracer.run(kind, { attributes, input: () => messagesOf(input) }, async (span) => {
      const progress = (done: number, total: number) => report({ kind: 'loading', done, total })
      const loaded = await step('load', {}, () => engine.ensureLoaded(model, input.load, progress, signal))
      try {
        const ids = await step('prompt', {}, async () => promptIds(loaded, input))
        await continuePrompt(loaded, ids, input, span, report, signal)
      } finally {
        loaded.release()
      }
    }),
  )
}

async function continuePrompt(
  model: TextModel,
  ids: number[],
  input: Input,
  span: Span | undefined,
  report: (event: TextEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  report({ kind: 'prompt', ids })
  let text = ''
  const request = { promptIds: ids, sampling: input.sampling, logprobs: input.logprobs, signal }
  try {
    for await (const event of tracedGeneration(model.generate(request))) {
      if (event.kind !== 'prefill') text += event.text
      report(event.kind === 'finished' ? finished(event, text, model.loadMs) : event)
    }
  } finally {
    span?.output([{ role: 'assistant', content: text }])
  }
}

function messagesOf({ source }: Input): TraceMessage[] {
  if (source.kind === 'chat') return source.messages
  return [{ role: 'user', content: source.kind === 'text' ? source.text : source.ids.join(', ') }]
}

function finished(event: Extract<GenerateEvent, { kind: 'finished' }>, text: string, loadMs: number): TextEvent {
  const { tokenIds, finishReason, usage, ttftMs, prefillTokensPerSecond, decodeTokensPerSecond } = event
  return {
    kind: 'finished',
    text,
    tokenIds,
    finishReason,
    usage,
    timings: { loadMs, ttftMs, prefillTokensPerSecond, decodeTokensPerSecond },
  }
}

function promptIds(model: TextModel, { source }: Input): number[] {
  if (source.kind === 'ids') return source.ids
  if (source.kind === 'text') {
    const ids = model.tokenizer.encode(source.text, { special: true, affixes: true })
    // An end-of-sequence id behind the prompt would end it before it is continued.
    return model.tokenizer.addEos && ids.at(-1) === model.tokenizer.eosId ? ids.slice(0, -1) : ids
  }
  if (!model.template) throw chatUnsupported(model.name)
  if (source.messages.at(-1)?.role === 'assistant')
    throw new MoruError('invalid_input', 'The last message is the assistant’s; there is nothing to answer.')
  const variables = source.thinking === undefined ? undefined : { enable_thinking: source.thinking }
  return model.template.encode(source.messages, { addGenerationPrompt: true, variables }).ids
}
