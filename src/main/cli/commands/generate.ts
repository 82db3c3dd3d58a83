/** moru chat and moru generate. */
import { type EventOf, type InputOf } from '../../../shared/contract'
import { textGenerate } from '../../../shared/contract/text'
import { MoruError } from '../../../shared/errors'
import { checked, type Command, type Context, expectPositionals, UsageError, type Values } from '../command'
import { modelOption } from '../model-option'
import { fieldOptions, loadOf, samplingOf, samplingOptions, samplingUsage } from '../sampling-options'

type Source = InputOf<typeof textGenerate>['source']
type Event = EventOf<typeof textGenerate>
type Finished = Extract<Event, { kind: 'finished' }>

export const chat: Command = {
  name: 'chat',
  usage: `--prompt TEXT [--system TEXT] [--thinking on|off] ${samplingUsage}`,
  summary: 'Asks a model, through its chat template; --prompt - reads standard input',
  options: {
    ...samplingOptions,
    prompt: { type: 'string' },
    system: { type: 'string' },
    thinking: { type: 'string' },
  },
  run: async (values, positionals, context) => {
    expectPositionals(positionals)
    const thinking = thinkingOf(values)
    const system = values.text('system')
    const messages = [
      ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
      { role: 'user' as const, content: await promptOf(values, context) },
    ]
    return generateFrom({ kind: 'chat', messages, thinking }, values, context)
  },
}

export const generate: Command = {
  name: 'generate',
  usage: `(--prompt TEXT or --ids 1,2,3) ${samplingUsage}`,
  summary: 'Continues a text or token ids, without a chat template; --prompt - reads standard input',
  options: { ...samplingOptions, prompt: { type: 'string' }, ids: { type: 'string' } },
  run: async (values, positionals, context) => {
    expectPositionals(positionals)
    return generateFrom(await sourceOf(values, context), values, context)
  },
}

async function promptOf(values: Values, context: Context): Promise<string> {
  const prompt = values.required('prompt')
  if (prompt !== '-') return prompt
  const text = await context.input()
  if (text === '') throw new UsageError('--prompt -: standard input is empty.')
  return text
}

/** undefined: as the template does by itself. */
function thinkingOf(values: Values): boolean | undefined {
  const value = values.text('thinking')
  if (value !== undefined && value !== 'on' && value !== 'off') throw new UsageError(`--thinking ${value}: on or off.`)
  return value && value === 'on'
}

async function sourceOf(values: Values, context: Context): Promise<Source> {
  const ids = values.filled('ids')
  if ((ids === undefined) === (values.text('prompt') === undefined))
    throw new UsageError('Give either --prompt or --ids.')
  if (ids === undefined) return { kind: 'text', text: await promptOf(values, context) }
  const parts = ids.split(',')
  const wrong = parts.find((part) => !/^\s*\d+\s*$/.test(part))
  if (wrong !== undefined) throw new UsageError(`--ids: "${wrong}" is not a token id.`)
  return { kind: 'ids', ids: parts.map(Number) }
}

async function generateFrom(source: Source, values: Values, context: Context): Promise<unknown> {
  const request = { model: values.filled('model') ?? null, load: loadOf(values), source, sampling: samplingOf(values) }
  const names = { ...fieldOptions, text: '--prompt', content: '--prompt' }
  const input = { ...checked(textGenerate, request, names), model: await modelOption(values, context) }
  const client = await context.client()
  let promptIds: number[] = []
  for await (const event of client.stream(textGenerate, input, { signal: context.signal })) {
    if (event.kind === 'prompt') promptIds = event.ids
    else if (event.kind === 'finished') return finish(event, promptIds, context)
    else report(event, context)
  }
  throw new MoruError('internal', 'the answer ended without its end.')
}

function report(event: Event, context: Context): void {
  if (event.kind === 'loading') context.progress(`loading ${Math.round((100 * event.done) / event.total)} %`)
  if (event.kind === 'prefill') context.progress(`reading the prompt: ${event.done} of ${event.total} tokens`)
  if (event.kind === 'token' && !context.json && event.text !== '') context.print(event.text)
}

function finish(
  { text, tokenIds, finishReason, usage, timings }: Finished,
  promptIds: number[],
  context: Context,
): unknown {
  if (!context.json) {
    context.print('\n')
    const rate = timings.decodeTokensPerSecond.toFixed(1)
    const first = Math.round(timings.ttftMs)
    context.note(
      `${usage.completionTokens} tokens, first after ${first} ms, then ${rate} tokens/s (${reasons[finishReason]})`,
    )
  }
  return { text, promptIds, tokenIds, finishReason, usage, timings }
}

const reasons: Record<Finished['finishReason'], string> = {
  stop: 'complete',
  length: 'cut at --max-tokens',
  context_full: 'the context is full',
  cancelled: 'stopped',
}
