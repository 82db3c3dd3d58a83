/** moru chat and moru generate. */
import { type InputOf } from '../../../shared/contract'
import { textGenerate } from '../../../shared/contract/text'
import { type Command, type Context, expectPositionals, UsageError, type Values } from '../command'
import { loadOf, samplingOf, samplingOptions, samplingUsage } from '../sampling-options'

type Source = InputOf<typeof textGenerate>['source']

export const chat: Command = {
  name: 'chat',
  usage: `--prompt TEXT [--system TEXT] ${samplingUsage}`,
  summary: 'Asks a model, through its chat template',
  options: { ...samplingOptions, prompt: { type: 'string' }, system: { type: 'string' } },
  run: (values, positionals, context) => {
    expectPositionals(positionals)
    const system = values.text('system')
    const messages = [
      ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
      { role: 'user' as const, content: values.required('prompt') },
    ]
    return generateFrom({ kind: 'chat', messages }, values, context)
  },
}

export const generate: Command = {
  name: 'generate',
  usage: `(--prompt TEXT or --ids 1,2,3) ${samplingUsage}`,
  summary: 'Continues a text or token ids, without a chat template',
  options: { ...samplingOptions, prompt: { type: 'string' }, ids: { type: 'string' } },
  run: (values, positionals, context) => {
    expectPositionals(positionals)
    return generateFrom(sourceOf(values), values, context)
  },
}

function sourceOf(values: Values): Source {
  const ids = values.text('ids')
  if ((ids === undefined) === (values.text('prompt') === undefined))
    throw new UsageError('Give either --prompt or --ids.')
  if (ids === undefined) return { kind: 'text', text: values.required('prompt') }
  const parts = ids.split(',')
  const wrong = parts.find((part) => !/^\s*\d+\s*$/.test(part))
  if (wrong !== undefined) throw new UsageError(`--ids: "${wrong}" is not a token id.`)
  return { kind: 'ids', ids: parts.map(Number) }
}

async function generateFrom(source: Source, values: Values, context: Context): Promise<unknown> {
  const client = await context.client()
  const input = { model: values.text('model') ?? null, load: loadOf(values), source, sampling: samplingOf(values) }
  let promptIds: number[] = []
  for await (const event of client.stream(textGenerate, input, { signal: context.signal })) {
    if (event.kind === 'prompt') promptIds = event.ids
    else if (event.kind === 'loading') context.progress(`loading ${Math.round((100 * event.done) / event.total)} %`)
    else if (event.kind === 'prefill') context.progress(`reading the prompt: ${event.done} of ${event.total} tokens`)
    else if (event.kind === 'token') show(event.text, context)
    else return finish(event, promptIds, context)
  }
  throw new Error('The answer ended without its end.')
}

function show(text: string, context: Context): void {
  if (!context.json) context.print(text)
}

interface Finished {
  text: string
  tokenIds: number[]
  finishReason: string
  usage: { promptTokens: number; completionTokens: number }
  timings: { loadMs: number; ttftMs: number; prefillTokensPerSecond: number; decodeTokensPerSecond: number }
}

function finish(
  { text, tokenIds, finishReason, usage, timings }: Finished,
  promptIds: number[],
  context: Context,
): unknown {
  if (!context.json) {
    context.print('\n')
    const rate = timings.decodeTokensPerSecond.toFixed(1)
    context.note(
      `${usage.completionTokens} tokens, first after ${Math.round(timings.ttftMs)} ms, then ${rate} tokens/s (${finishReason})`,
    )
  }
  return { text, promptIds, tokenIds, finishReason, usage, timings }
}
