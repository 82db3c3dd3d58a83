/** moru search. */
import { type InputOf } from '../../../shared/contract'
import { searchRun } from '../../../shared/contract/knowledge'
import { collectionOf, modeOf } from '../collection-option'
import { checked, type Command, expectPositionals } from '../command'

/** Hits that a cross-encoder looks at. */
const reranked = 50

export const search: Command = {
  name: 'search',
  usage: 'QUERY --collection NAME [-k 10] [--mode hybrid|dense|bm25] [--rerank]',
  summary: 'Finds passages in a collection',
  options: {
    collection: { type: 'string' },
    k: { type: 'string', short: 'k' },
    mode: { type: 'string' },
    rerank: { type: 'boolean' },
  },
  texts: 1,
  run: async (values, positionals, context) => {
    const [query] = expectPositionals(positionals, 'QUERY')
    const request: InputOf<typeof searchRun> = {
      collectionIds: ['-'],
      query,
      k: values.number('k') ?? 10,
      mode: modeOf(values),
      rerank: values.flag('rerank') ? reranked : 0,
    }
    checked(searchRun, request, { query: 'QUERY', k: '-k' })
    const { id } = await collectionOf(values, context)
    const client = await context.client()
    const found = await client.request(searchRun, { ...request, collectionIds: [id] }, { signal: context.signal })
    for (const note of found.notes) context.note(note)
    const hits = found.hits.map(({ documentId, path, chunkId, text, score, ranks }) => ({
      documentId, path, chunkId, text, score, ranks,
    })) // prettier-ignore
    if (!context.json)
      for (const [i, hit] of hits.entries())
        context.print(
          `${i + 1}. ${hit.path}  ${hit.score.toFixed(4)}\n   ${hit.text.replace(/\s+/g, ' ').slice(0, 300)}\n`,
        )
    return { hits, timings: found.timings }
  },
}
