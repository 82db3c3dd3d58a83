/** moru compare. */
import { compareRun } from '../../../shared/contract/quantize'
import { MoruError } from '../../../shared/errors'
import { checked, type Command, expectPositionals, pathOf } from '../command'
import { modelOf } from '../model-option'
import { fieldOptions, loadOf, modelOptions } from '../sampling-options'

const { model: _, ...loadOptions } = modelOptions

export const compare: Command = {
  name: 'compare',
  usage:
    'MODEL MODEL --text FILE [--window 1024] [--windows 4] [--skip 0] [--speed] [--context N] [--compute-type f32|f16] [--kv-type f32|f16|int8]',
  summary: 'How far the second model’s predictions are from the first’s',
  options: {
    ...loadOptions,
    text: { type: 'string' },
    window: { type: 'string' },
    windows: { type: 'string' },
    skip: { type: 'string' },
    speed: { type: 'boolean' },
  },
  run: async (values, positionals, context) => {
    const [first, second] = expectPositionals(positionals, 'MODEL', 'MODEL')
    const request = {
      models: [first, second] as [string, string],
      load: loadOf(values),
      path: pathOf(values.required('text')),
      window: values.number('window'),
      windows: values.number('windows'),
      skip: values.number('skip'),
      speed: values.flag('speed'),
    }
    const input = checked(compareRun, request, { ...fieldOptions, path: '--text', models: 'MODEL' })
    const models: typeof input.models = [await modelOf(first, context), await modelOf(second, context)]
    const client = await context.client()
    for await (const event of client.stream(compareRun, { ...input, models }, { signal: context.signal })) {
      if (event.kind === 'progress') {
        const soFar = event.kld === null ? '' : `, KL divergence ${event.kld.toFixed(4)} so far`
        context.progress(`${event.stage}: ${event.done} of ${event.total}${soFar}`)
      }
      if (event.kind !== 'finished') continue
      const { perplexity, kld, kldError, sameTop1, rmsDeltaP, speed } = event.comparison
      if (!context.json)
        context.print(
          `perplexity ${perplexity[0].toFixed(4)} and ${perplexity[1].toFixed(4)}\n` +
            `KL divergence ${kld.toFixed(5)} +- ${kldError.toFixed(5)} nats\n` +
            `same most likely token ${(100 * sameTop1).toFixed(2)} %\n`,
        )
      return { perplexity, kld, kldError, sameTop1, rmsDeltaP, ...(speed && { speed }) }
    }
    throw new MoruError('internal', 'comparing ended without a result.')
  },
}
