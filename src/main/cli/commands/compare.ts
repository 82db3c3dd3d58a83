/** moru compare. */
import { type InputOf } from '../../../shared/contract'
import { modelsGet } from '../../../shared/contract/models'
import { compareEmbeddings, compareRun, type EmbeddingComparison } from '../../../shared/contract/quantize'
import { MoruError } from '../../../shared/errors'
import { checked, type Command, type Context, expectPositionals, pathOf, UsageError, type Values } from '../command'
import { modelOf } from '../model-option'
import { fieldOptions, loadOf, modelOptions } from '../sampling-options'

const { model: _, ...loadOptions } = modelOptions

type Models = [string | null, string | null]

export const compare: Command = {
  name: 'compare',
  usage:
    'MODEL MODEL --text FILE [--window 1024] [--windows 4] [--skip 0] [--speed] [--context N] [--compute-type f32|f16] [--kv-type f32|f16|int8]\n' +
    '       embedding models: MODEL MODEL [--text FILE] [--passages 512] [--set BEIR-FOLDER]',
  summary: 'How far the second model’s predictions, or embeddings, are from the first’s',
  options: {
    ...loadOptions,
    text: { type: 'string' },
    window: { type: 'string' },
    windows: { type: 'string' },
    skip: { type: 'string' },
    speed: { type: 'boolean' },
    passages: { type: 'string' },
    set: { type: 'string' },
  },
  run: async (values, positionals, context) => {
    const [first, second] = expectPositionals(positionals, 'MODEL', 'MODEL')
    if (values.filled('set') === undefined) values.required('text')
    // What is wrong with the options is told before a host is asked.
    const predicted = values.filled('text') && predictionInput(values, [first, second])
    const embedded = embeddingInput(values, [first, second])
    const models: Models = [await modelOf(first, context), await modelOf(second, context)]
    const encoders = [await isEncoder(models[0]!, context), await isEncoder(models[1]!, context)]
    if (encoders[0] !== encoders[1])
      throw new MoruError(
        'invalid_input',
        'One of the models writes text and the other embeds it: they cannot be compared.',
      )
    if (encoders[0]) return compareVectors({ ...embedded, models }, context)
    if (!predicted) throw new UsageError('--text is missing: --set is for embedding models.')
    return comparePredictions({ ...predicted, models }, context)
  },
}

async function isEncoder(id: string, context: Context): Promise<boolean> {
  return (await (await context.client()).request(modelsGet, { id }, { signal: context.signal })).encoder
}

const predictionInput = (values: Values, models: [string, string]) =>
  checked(
    compareRun,
    {
      models,
      load: loadOf(values),
      path: pathOf(values.required('text')),
      window: values.number('window'),
      windows: values.number('windows'),
      skip: values.number('skip'),
      speed: values.flag('speed'),
    },
    { ...fieldOptions, path: '--text', models: 'MODEL' },
  )

function embeddingInput(values: Values, models: [string, string]) {
  const [text, set] = [values.filled('text'), values.filled('set')]
  const request = {
    models,
    path: text === undefined ? null : pathOf(text),
    set: set === undefined ? null : pathOf(set),
    passages: values.number('passages'),
  }
  return checked(compareEmbeddings, request, { path: '--text', models: 'MODEL' })
}

async function comparePredictions(input: InputOf<typeof compareRun>, context: Context) {
  const client = await context.client()
  for await (const event of client.stream(compareRun, input, { signal: context.signal })) {
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
}

async function compareVectors(input: InputOf<typeof compareEmbeddings>, context: Context) {
  const client = await context.client()
  for await (const event of client.stream(compareEmbeddings, input, { signal: context.signal })) {
    if (event.kind === 'progress') context.progress(`${event.stage}: ${event.done} of ${event.total}`)
    if (event.kind !== 'finished') continue
    if (!context.json) context.print(told(event.comparison))
    return event.comparison
  }
  throw new MoruError('internal', 'comparing ended without a result.')
}

function told({
  models,
  passages,
  cosine,
  cosineQuantiles,
  neighbours,
  tokensPerSecond,
  retrieval,
}: EmbeddingComparison) {
  const both = (values: readonly number[], digits: number) => values.map((v) => v.toFixed(digits)).join(' and ')
  const lines = [
    `cosine ${cosine.toFixed(5)} over ${passages} passages, ${cosineQuantiles[2].toFixed(5)} at least in 99 %, worst ${cosineQuantiles[3].toFixed(5)}`,
    `${(100 * neighbours.shared).toFixed(1)} % of the nearest ${neighbours.k} passages the same, ${(100 * neighbours.sameNearest).toFixed(1)} % of the nearest`,
    `${models.map((m) => `${(m.sizeBytes / 1e6).toFixed(1)} MB`).join(' and ')}, ${both(
      models.map((m) => m.bitsPerWeight),
      2,
    )} bits a weight, loaded in ${models.map((m) => `${(m.loadMs / 1000).toFixed(2)} s`).join(' and ')}`,
    `embedding ${both(tokensPerSecond, 0)} tokens/s, in turns`,
  ]
  if (retrieval) {
    const { documents, queries, ndcgAt10, recallAt10, hitAt1 } = retrieval
    lines.push(
      `retrieval, ${queries} queries and ${documents} documents: nDCG@10 ${both(ndcgAt10, 4)}, recall@10 ${both(recallAt10, 4)}, hit@1 ${both(hitAt1, 4)}`,
    )
  }
  return `${lines.join('\n')}\n`
}
