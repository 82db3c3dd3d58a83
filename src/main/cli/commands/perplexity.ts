/** moru perplexity. */
import { textScore } from '../../../shared/contract/text'
import { MoruError } from '../../../shared/errors'
import { checked, type Command, expectPositionals, pathOf } from '../command'
import { modelOption } from '../model-option'
import { fieldOptions, loadOf, modelOptions } from '../sampling-options'

export const perplexity: Command = {
  name: 'perplexity',
  usage:
    '--text FILE [--window 1024] [--windows 4] [--skip 0] [--model MODEL] [--context N] [--compute-type f32|f16] [--kv-type f32|f16|int8]',
  summary: 'Perplexity of a model on a text file',
  options: {
    ...modelOptions,
    text: { type: 'string' },
    window: { type: 'string' },
    windows: { type: 'string' },
    skip: { type: 'string' },
  },
  run: async (values, positionals, context) => {
    expectPositionals(positionals)
    const request = {
      model: values.filled('model') ?? null,
      load: loadOf(values),
      path: pathOf(values.required('text')),
      window: values.number('window'),
      windows: values.number('windows'),
      skip: values.number('skip'),
    }
    const names = { ...fieldOptions, path: '--text' }
    const input = { ...checked(textScore, request, names), model: await modelOption(values, context) }
    const client = await context.client()
    for await (const event of client.stream(textScore, input, { signal: context.signal })) {
      if (event.kind === 'progress') {
        context.progress(`${event.done} of ${event.total} tokens, ${event.tokensPerSecond.toFixed(0)} tokens/s`)
        continue
      }
      const { perplexity, meanNll, tokens } = event
      if (!context.json) context.print(`perplexity ${perplexity.toFixed(4)} over ${tokens} tokens\n`)
      return { perplexity, meanNll, tokens }
    }
    throw new MoruError('internal', 'scoring ended without a result.')
  },
}
