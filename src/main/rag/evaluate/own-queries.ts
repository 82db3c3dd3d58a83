/** Queries for a person's own collection: from a file, or written by the model from chunks drawn at random. */
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { loadSettings, sampling } from '../../../shared/contract/sampling'
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { normalText, type Store, type StoredChunk } from '../../store'
import { type TextModel } from '../../text'
import { contentTerms } from '../ask/question-words'
import { type EvaluatedQuery, jsonLines } from './beir'
import { type EvaluateServices, progressOf, type Report } from './evaluate-retrieval'

const line = z.object({
  query: z.string().min(1).max(10_000),
  relevant: z.array(z.string().min(1).max(4096)).min(1).max(1000),
})
const mostChunk = 1500

/**
 * A file with {"query": …, "relevant": [path or document id, …]} a line.
 * @throws invalid_file, also for a document that is not in the collection.
 */
export async function queriesFromFile(
  store: Store,
  { collectionId, path }: { collectionId: string; path: string },
  signal: AbortSignal,
): Promise<EvaluatedQuery[]> {
  if (!isAbsolute(path)) throw new MoruError('invalid_input', `${path}: an absolute path is needed here.`)
  const known = store.documents.known(collectionId)
  const byName = new Map(known.flatMap((d) => [[d.id, d.id], [d.path, d.id]] as const)) // prettier-ignore
  const queries: EvaluatedQuery[] = []
  for await (const { query, relevant } of jsonLines(path, line, signal)) {
    const ids = relevant.map((name) => {
      const id = byName.get(normalText(name)) ?? known.find((d) => d.path.endsWith(`/${normalText(name)}`))?.id
      if (!id) throw new MoruError('invalid_file', `${path}: "${name}" is no document of the collection.`)
      return id
    })
    queries.push({ query, grades: new Map(ids.map((id) => [id, 1])), generated: false })
  }
  return queries
}

/** Small models need to be shown: told alone, the bundled one asks what the question is. */
const examples =
  'Write a question that the text answers, in the language of the text. Write only the question.\n\n' +
  'Text: Paris is the capital of France. It lies on the Seine and has 2.1 million inhabitants.\nQuestion: How many inhabitants does Paris have?\n\n' +
  'Text: 세종대왕은 1418년에 즉위하였다.\nQuestion: 세종대왕은 언제 즉위하였나요?\n\n'

/** One query for each of `count` chunks; what the model writes that shares no word with its chunk is left out. */
export async function generatedQueries(
  { store, engine, defaultModel }: EvaluateServices,
  { collectionId, count }: { collectionId: string; count: number },
  report: Report,
  signal: AbortSignal,
): Promise<EvaluatedQuery[]> {
  const modelId = defaultModel()
  if (modelId === null) throw new MoruError('model_not_loaded', 'Writing queries takes a chat model: import one first.')
  const model = await engine.ensureLoaded(modelId, loadSettings.parse({}), () => undefined, signal)
  try {
    const chunks = drawn(store, collectionId, count)
    const progress = progressOf('generate', chunks.length, report)
    const queries: EvaluatedQuery[] = []
    for (const [i, chunk] of chunks.entries()) {
      throwIfCancelled(signal)
      const query = await questionAbout(model, chunk.text.slice(0, mostChunk), signal)
      const terms = contentTerms(query)
      const own = new Set(contentTerms(chunk.text))
      if (terms.some((term) => own.has(term)))
        queries.push({ query, grades: new Map([[chunk.documentId, 1]]), generated: true })
      progress(i + 1)
    }
    if (queries.length === 0)
      throw new MoruError(
        'unsupported',
        `${model.name} wrote no question that has to do with its passage. Give a file of queries, or choose another default model.`,
      )
    return queries
  } finally {
    model.release()
  }
}

/** Chunks spread evenly over the collection: the same each time, so that two runs can be compared. */
function drawn(store: Store, collectionId: string, count: number): StoredChunk[] {
  const { seq } = store.collections.searchState(collectionId)
  const all = store.chunks.documentSeqs(seq)
  const step = Math.max(1, all.length / count)
  const chosen = Array.from({ length: Math.min(count, all.length) }, (_, i) => all[Math.floor(i * step)].seq)
  return chosen.map((chunk) => store.chunks.find(chunk)).filter((chunk) => chunk !== null)
}

async function questionAbout(model: TextModel, passage: string, signal: AbortSignal): Promise<string> {
  if (!model.template)
    throw new MoruError(
      'unsupported',
      `${model.name} is no chat model; queries are written by one. Choose another default model.`,
    )
  const content = `${examples}Text: ${passage}\nQuestion:`
  const { ids } = model.template.encode([{ role: 'user', content }], {
    addGenerationPrompt: true,
    variables: { enable_thinking: false },
  })
  let text = ''
  const request = {
    promptIds: ids,
    sampling: sampling.parse({ temperature: 0, maxTokens: 48 }),
    logprobs: null,
    signal,
  }
  for await (const event of model.generate(request)) if (event.kind !== 'prefill') text += event.text
  return (text.trim().split('\n')[0] ?? '').replace(/^["“]|["”]$/g, '')
}
