/** What the host answers for collections, documents, search, evaluation, embeddings, asking and the answer cache. */
import { type HandlersFor } from '../../shared/contract/handlers'
import { type AnswerCache } from '../cache'
import { type JobRunner } from '../jobs'
import { embedTexts } from './embed-texts'
import { ask } from './ask/ask'
import { type AskServices } from './ask/ask-context'
import { type CollectionService } from './collection-service'
import { evaluate, type EvaluateServices } from './evaluate/evaluate-retrieval'

type CollectionRoutes =
  | 'collectionsList'
  | 'collectionsCreate'
  | 'collectionsUpdate'
  | 'collectionsRemove'
  | 'collectionsIndex'
  | 'collectionsUpload'
  | 'collectionsAddPage'
  | 'documentsList'
  | 'documentsGet'
  | 'documentsRemove'
  | 'documentsRead'
type AnswerRoutes =
  'searchRun' | 'searchMap' | 'evaluateRetrieval' | 'embedTexts' | 'askRun' | 'cacheStats' | 'cacheClear'

export interface KnowledgeServices extends AskServices, EvaluateServices {
  jobs: JobRunner
  collections: CollectionService
}

export function knowledgeHandlers(services: KnowledgeServices): HandlersFor<CollectionRoutes | AnswerRoutes> {
  return { ...collectionHandlers(services), ...answerHandlers(services), ...cacheHandlers(services.cache) }
}

function collectionHandlers({ collections, store, parser }: KnowledgeServices): HandlersFor<CollectionRoutes> {
  return {
    collectionsList: async () => collections.list(),
    collectionsCreate: async ({ name, settings }) => collections.create(name, settings),
    collectionsUpdate: async ({ id, ...patch }) => collections.update(id, patch),
    collectionsRemove: async ({ id }) => {
      await collections.remove(id)
      return {}
    },
    collectionsIndex: async ({ id, paths, watch }) => ({ jobId: await collections.index(id, paths, watch) }),
    collectionsUpload: async ({ id, files }) => ({ jobId: await collections.upload(id, files) }),
    collectionsAddPage: async ({ id, url, allowPrivate }) => ({
      jobId: collections.addPage(id, { url, allowPrivate }),
    }),
    documentsList: async ({ collectionId, search, offset, limit, state }) => {
      store.collections.get(collectionId)
      return store.documents.list(collectionId, search, offset, limit, state)
    },
    documentsGet: async ({ id }) => ({ document: store.documents.get(id), ...store.documents.content(id) }),
    documentsRead: async ({ name, base64 }, { signal }) => {
      const bytes = Buffer.from(base64, 'base64')
      const { text, warnings } = await parser.parseDocument({ bytes, name }, {}, signal)
      return { text, warnings }
    },
    documentsRemove: async ({ id }) => {
      collections.removeDocument(id)
      return {}
    },
  }
}

function answerHandlers(services: KnowledgeServices): HandlersFor<Exclude<AnswerRoutes, 'cacheStats' | 'cacheClear'>> {
  const { search, defaultModel } = services
  return {
    searchRun: (input, { signal }) => search.run(input, signal),
    searchMap: async ({ collectionId, limit }, { signal }) => search.map(collectionId, limit, signal),
    evaluateRetrieval: (input, { signal }) => evaluate(services, input, signal),
    embedTexts: (input, { signal }) => embedTexts(services, input, signal),
    askRun: (input, { signal }) => ask(services, input, defaultModel(), signal),
  }
}

function cacheHandlers(cache: AnswerCache): HandlersFor<'cacheStats' | 'cacheClear'> {
  return {
    cacheStats: async () => cache.stats(),
    cacheClear: async () => {
      cache.clear()
      return {}
    },
  }
}
