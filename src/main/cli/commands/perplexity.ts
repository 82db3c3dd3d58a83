/** moru perplexity. */
import { resolve } from 'node:path'
import { textScore } from '../../../shared/contract/text'
import { type Command, expectPositionals } from '../command'
import { loadOf, samplingOptions } from '../sampling-options'

const { model, 'compute-type': computeType, 'kv-type': kvType } = samplingOptions

export const perplexity: Command = {
  name: 'perplexity',
  usage:
    '--text FILE [--window 1024] [--windows 4] [--skip 0] [--model MODEL] [--compute-type f32|f16] [--kv-type f32|f16]',
  summary: 'Perplexity of a model on a text',
  options: {
    model,
    'compute-type': computeType,
    'kv-type': kvType,
    text: { type: 'string' },
    window: { type: 'string' },
    windows: { type: 'string' },
    skip: { type: 'string' },
  },
  run: async (values, positionals, context) => {
    expectPositionals(positionals)
    const client = await context.client()
    const input = {
      model: values.text('model') ?? null,
      load: loadOf(values),
      path: resolve(values.required('text')),
      window: values.number('window'),
      windows: values.number('windows'),
      skip: values.number('skip'),
    }
    for await (const event of client.stream(textScore, input, { signal: context.signal })) {
      if (event.kind === 'progress') {
        context.progress(`${event.done} of ${event.total} tokens, ${event.tokensPerSecond.toFixed(0)} tokens/s`)
        continue
      }
      const { perplexity, meanNll, tokens } = event
      if (!context.json) context.print(`perplexity ${perplexity.toFixed(4)} over ${tokens} tokens\n`)
      return { perplexity, meanNll, tokens }
    }
    throw new Error('Scoring ended without a result.')
  },
}
