/** moru index. */
import { z } from 'zod'
import { collectionsCreate, collectionsIndex, collectionsUpdate } from '../../../shared/contract/knowledge'
import { findCollection, finishedJob } from '../collection-option'
import { checked, type Command, type Context, expectPositionals, pathOf, type Values } from '../command'
import { modelOf } from '../model-option'

const report = z.object({
  documents: z.number(),
  chunks: z.number(),
  skipped: z.array(z.object({ path: z.string(), reason: z.string() })),
  elapsedMs: z.number(),
})

export const index: Command = {
  name: 'index',
  usage: 'PATH --collection NAME [--embedding-model MODEL] [--rerank-model MODEL] [--morphemes]',
  summary: 'Indexes a file or folder for search; what is there already and has not changed is left alone',
  options: {
    collection: { type: 'string' },
    'embedding-model': { type: 'string' },
    'rerank-model': { type: 'string' },
    morphemes: { type: 'boolean' },
  },
  run: async (values, positionals, context) => {
    const [path] = expectPositionals(positionals, 'PATH')
    const id = await collectionFor(values, context)
    const input = checked(collectionsIndex, { id, paths: [pathOf(path)] }, { paths: 'PATH' })
    const { jobId } = await (await context.client()).request(collectionsIndex, input, { signal: context.signal })
    const { documents, chunks, skipped, elapsedMs } = report.parse(await finishedJob(jobId, context))
    if (!context.json) {
      for (const one of skipped) context.note(`left out: ${one.path}: ${one.reason}`)
      context.print(`${documents} documents, ${chunks} chunks, ${(elapsedMs / 1000).toFixed(1)} s\n`)
    }
    return { documents, chunks, skipped, elapsedMs }
  },
}

/** The collection's id; it is made when there is none of the name, and gets the settings that were named. */
async function collectionFor(values: Values, context: Context): Promise<string> {
  const name = values.required('collection')
  const embeddingModel = await modelOf(values.filled('embedding-model'), context)
  const rerankModel = await modelOf(values.filled('rerank-model'), context)
  const settings = {
    ...(embeddingModel !== null && { embeddingModel }),
    ...(rerankModel !== null && { rerankModel }),
    ...(values.flag('morphemes') && { koreanMorphemes: true }),
  }
  checked(collectionsCreate, { name, settings }, { name: '--collection' })
  const client = await context.client()
  const there = await findCollection(name, context)
  if (!there) return (await client.request(collectionsCreate, { name, settings }, { signal: context.signal })).id
  if (Object.keys(settings).length > 0)
    await client.request(collectionsUpdate, { id: there.id, settings }, { signal: context.signal })
  return there.id
}
