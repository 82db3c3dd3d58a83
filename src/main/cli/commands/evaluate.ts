/** moru evaluate retrieval. */
import { type EventOf } from '../../../shared/contract'
import { evaluateRetrieval } from '../../../shared/contract/knowledge'
import { MoruError } from '../../../shared/errors'
import { modeOf } from '../collection-option'
import { checked, type Command, expectPositionals, pathOf, UsageError } from '../command'
import { modelOf } from '../model-option'

type Progress = Extract<EventOf<typeof evaluateRetrieval>, { kind: 'progress' }>

const stages: Record<Progress['stage'], string> = {
  index: 'indexing',
  generate: 'writing queries',
  search: 'searching',
}

export const evaluate: Command = {
  name: 'evaluate',
  usage:
    'retrieval --beir DIR [--mode hybrid|dense|bm25] [--rerank] [--embedding-model MODEL] [--rerank-model MODEL] [--morphemes]',
  summary: 'Measures retrieval on a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv',
  options: {
    beir: { type: 'string' },
    mode: { type: 'string' },
    rerank: { type: 'boolean' },
    'embedding-model': { type: 'string' },
    'rerank-model': { type: 'string' },
    morphemes: { type: 'boolean' },
  },
  run: async (values, positionals, context) => {
    const [what] = expectPositionals(positionals, 'retrieval')
    if (what !== 'retrieval') throw new UsageError(`evaluate ${what}: retrieval can be evaluated.`)
    const input = {
      source: { kind: 'beir' as const, path: pathOf(values.required('beir')) },
      modes: [{ mode: modeOf(values), rerank: values.flag('rerank') }],
      embeddingModel: await modelOf(values.filled('embedding-model'), context),
      rerankModel: await modelOf(values.filled('rerank-model'), context),
      koreanMorphemes: values.flag('morphemes'),
    }
    checked(evaluateRetrieval, input, { path: '--beir' })
    for await (const event of (await context.client()).stream(evaluateRetrieval, input, { signal: context.signal })) {
      if (event.kind === 'progress') {
        context.progress(
          `${stages[event.stage]}: ${event.done} of ${event.total}, ${event.ratePerSecond.toFixed(1)} a second`,
        )
        continue
      }
      const { hitAt1, hitAt5, hitAt10, mrrAt10, ndcgAt10, recallAt100, queries } = event.results[0]
      const figures = { hitAt1, hitAt5, hitAt10, mrrAt10, ndcgAt10, recallAt100, queries }
      if (!context.json)
        for (const [name, value] of Object.entries(figures)) context.print(`${name.padEnd(12)} ${value}\n`)
      return figures
    }
    throw new MoruError('internal', 'the evaluation ended without its end.')
  },
}
