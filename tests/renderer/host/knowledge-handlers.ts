/** Collections and their documents: enough of them to be made, filled, searched and removed. */
import { collectionSettings, type Document } from '../../../src/shared/contract/knowledge'
import { MoruError } from '../../../src/shared/errors'
import { find, pause, type World } from './handlers'
import { aCollection, aDocument, aHit, anOutcome, anvilText, evaluated } from './knowledge-samples'
import { aJob } from './samples'
import { type Handlers } from './test-host'
import { aTrace } from './trace-handlers'

export function knowledgeHandlers(world: World) {
  const indexJob = (id: string, title: string, total: number) => {
    const job = aJob({
      id: `j${world.nextId++}`,
      kind: 'index',
      title,
      unit: 'documents',
      done: 0,
      total,
      ratePerSecond: 2.5,
      remainingMs: 1000,
      parameters: { collectionId: id },
    })
    world.jobs.push(job)
    return { jobId: job.id }
  }
  const add = (collectionId: string, path: string): Document => {
    const name = path.split('/').at(-1) ?? path
    const failed = name.endsWith('.pdf')
    const document = aDocument({
      id: `d${world.nextId++}`,
      collectionId,
      path,
      title: name,
      chunks: failed ? 0 : 2,
      state: failed ? 'failed' : 'indexed',
      reason: failed ? 'It is named .pdf, but its bytes are not of that format.' : null,
    })
    world.documents.push(document)
    return document
  }
  return {
    collectionsList: () => [...world.collections.values()],
    collectionsCreate: ({ name, settings }) => {
      if ([...world.collections.values()].some((c) => c.name === name))
        throw new MoruError('conflict', `There is a collection "${name}" already.`)
      const created = aCollection({
        id: `k${world.nextId++}`,
        name,
        settings: collectionSettings.parse(settings),
        documents: 0,
        chunks: 0,
        sizeBytes: 0,
        separation: [],
      })
      world.collections.set(created.id, created)
      return created
    },
    collectionsUpdate: ({ id, settings, ...patch }) => {
      const collection = find(world.collections, id)
      Object.assign(collection, patch)
      Object.assign(collection.settings, settings)
      return collection
    },
    collectionsRemove: ({ id }) => {
      world.collections.delete(id)
      return {}
    },
    collectionsIndex: ({ id, paths }) => {
      const collection = find(world.collections, id)
      for (const path of paths)
        if (!path.startsWith('/')) throw new MoruError('invalid_input', `${path}: an absolute path is needed here.`)
      collection.roots.push(...paths)
      return indexJob(id, collection.name, 10)
    },
    collectionsUpload: ({ id, files }) => {
      const collection = find(world.collections, id)
      for (const { name } of files) add(id, name)
      collection.documents = world.documents.filter((d) => d.collectionId === id).length
      return indexJob(id, collection.name, files.length)
    },
    collectionsAddPage: ({ id, url, allowPrivate }) => {
      if (/localhost|127\./.test(url) && !allowPrivate)
        throw new MoruError('unauthorized', `${url} is an address of this machine; allow it first.`)
      return indexJob(id, url, 1)
    },
    documentsList: ({ collectionId, search, state, offset, limit }) => {
      const own = world.documents.filter((d) => d.collectionId === collectionId)
      const found = own.filter((d) => `${d.path} ${d.title}`.includes(search) && (state === null || d.state === state))
      const count = (of: Document['state']) => own.filter((d) => d.state === of).length
      return {
        total: found.length,
        documents: found.slice(offset, offset + limit),
        states: { indexed: count('indexed'), pending: count('pending'), failed: count('failed') },
      }
    },
    documentsGet: ({ id }) => {
      const document = world.documents.find((d) => d.id === id)
      if (!document) throw new MoruError('not_found', `There is no document "${id}"; it may have been removed.`)
      const first = { start: 0, end: anvilText.indexOf('\n\n## Sizes'), page: 1, headings: ['Anvils'] }
      return {
        document,
        text: anvilText,
        chunks: [
          { id: '1', place: first },
          { id: '2', place: aHit().place },
        ],
      }
    },
    searchRun: ({ query, mode, rerank, replayOf }) => {
      if (query === 'fail' && mode === 'dense') throw new MoruError('out_of_memory', 'The model does not fit.')
      if (replayOf) {
        const again = aTrace({ id: 'c'.repeat(32), seq: 99, kind: 'search', replayOf, preview: query })
        world.traces.set(again.id, again)
      }
      return anOutcome(mode, rerank > 0)
    },
    searchMap: () => ({
      points: [
        { chunkId: '1', documentId: 'd1', x: -0.4, y: 0.1 },
        { chunkId: '2', documentId: 'd1', x: 0.4, y: 0.3 },
      ],
    }),
    async *evaluateRetrieval({ source }, signal) {
      yield { kind: 'progress', stage: 'search', done: 1, total: 2, ratePerSecond: 4 }
      await pause(400, signal)
      if (source.kind === 'queries') throw new MoruError('not_found', `There is no file ${source.path}.`)
      yield evaluated(source.kind === 'generated')
    },
    cacheStats: () => world.cache,
    cacheClear: () => {
      world.cache = { entries: 0, sizeBytes: 0, exactHits: 0, similarHits: 0, misses: 0, savedMs: 0 }
      return {}
    },
    documentsRead: ({ name, base64 }) => {
      if (!atob(base64).startsWith('%PDF')) throw new MoruError('invalid_file', `${name} is not what it is named.`)
      return { text: 'The text of the PDF.', warnings: [] }
    },
    documentsRemove: ({ id }) => {
      world.documents = world.documents.filter((d) => d.id !== id)
      return {}
    },
  } satisfies Partial<Handlers>
}
