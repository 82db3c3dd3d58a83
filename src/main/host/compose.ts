/** The composition root: builds the store, the services and the table of handlers. Nothing else knows them all. */
import { join } from 'node:path'
import { type Settings } from '../../shared/contract/settings'
import { benchHandlers } from '../bench'
import { chatHandlers, ChatService, conversationHandlers, presetHandlers, settingsHandlers } from '../chat'
import { AnswerCache } from '../cache'
import { Engine } from '../engine'
import { jobHandlers, JobRunner } from '../jobs'
import { Downloads, ModelLibrary, modelsHandlers } from '../models'
import { MemoryWatch, profilerHandlers } from '../profile'
import { quantizeHandlers, textSources } from '../quantize'
import { ask, CollectionService, DocumentParser, knowledgeHandlers, SearchService } from '../rag'
import { runHandlers } from '../runs'
import { openStore } from '../store'
import { redactor } from '../../shared/redaction'
import { textHandlers } from '../text'
import { traceHandlers, Tracer, TraceService } from '../trace'
import { engineHandlers } from './engine-handlers'
import { EngineService } from './engine-service'
import { type Handlers } from './handlers'
import { type Log, logRedaction } from './log'
import { profileHandlers } from './profile-handlers'
import { runEnvironment } from './run-environment'
import { type Services } from './start'

export interface ComposeOptions {
  log: Log
  /** resources/models of the program. */
  bundledModels: string
  /** The profile is this process's alone (lockProfile): what a host that died left half-done is marked as such. */
  exclusive: boolean
  /** Starts the host anew: its profile was replaced. */
  restart: () => void
}

/** Throws what opening the store throws. `close` ends all work, stores what is being written, and frees the GPU. */
export async function compose(profile: string, options: ComposeOptions): Promise<Services> {
  const store = openStore(profile)
  logRedaction.text = (line) => store.redaction.text(line)
  const tracer = new Tracer(store, (err) => options.log.error({ err }, 'traces could not be written'))
  const traces = new TraceService(store, tracer)
  if (options.exclusive) {
    const { purgedConversations, ...found } = store.recover()
    const figures = { ...found, interruptedTraces: traces.recover(), purgedConversations: purgedConversations.length }
    options.log.info(figures, 'profile opened')
    void traces.forgetConversations(purgedConversations)
  }
  const jobs = new JobRunner(store, () => runEnvironment(engine.status(), options.bundledModels))
  const library: ModelLibrary = new ModelLibrary({
    store,
    bundledFolder: options.bundledModels,
    modelsFolder: join(profile, 'models'),
    limits: () => engine.limits(),
  })
  const bundled = (await library.list()).filter((model) => model.source === 'bundled')
  const bundledId = bundled.find((model) => model.chat)?.id ?? null
  const embedderId = bundled.find((model) => model.encoder)?.id ?? null
  const defaultModel = () => store.settings.get().defaultModelId ?? bundledId
  const engine: EngineService = new EngineService(
    new Engine(),
    {
      resolve: (modelId) => library.resolve(modelId),
      contextLength: async (modelId, load) => (await library.get(modelId, load)).memoryPlan.contextLength,
      defaultModelId: () => bundledId,
      defaultEmbedderId: () => embedderId,
    },
    options.log,
  )
  if (options.exclusive) void engine.probe()
  const downloads = new Downloads({ library, jobs, store })
  const cache = new AnswerCache(store, () => cacheOptions(store.settings.get().answerCache))
  const search = new SearchService(store, engine, profile, tracer)
  const knowledge = { store, jobs, parser: new DocumentParser(), embeddings: engine, search, cache, tracer }
  const collections = new CollectionService({
    ...knowledge,
    uploadsFolder: join(profile, 'uploads'),
    onTrouble: (message) => options.log.warn(message),
    onRemoved: (id) => cache.forget(id),
  })

  const asking = { ...knowledge, engine, describeModel: (id: string) => library.describe(id) }
  const chat = new ChatService(store, engine, (input, signal) => ask(asking, input, defaultModel(), signal), tracer)

  if (options.exclusive) void collections.resume()
  const memory = new MemoryWatch({ engine, library, store })
  if (options.exclusive) memory.start()

  const sources = textSources(store, join(options.bundledModels, '../calibration'))

  let closed: Promise<void> | null = null
  const closeAll = async () => {
    // Answers first: they are written to the store, and hold the model until they have ended.
    collections.close()
    memory.stop()
    await Promise.all([chat.close(), jobs.close()])
    search.close()
    await traces.close()
    logRedaction.text = redactor(store.settings.get().tracing.redactPatterns)
    store.close()
    await engine.close()
  }
  const close = () => (closed ??= closeAll())

  const handlers: Handlers = {
    ...engineHandlers(engine),
    ...modelsHandlers(library, downloads),
    ...conversationHandlers(store, chat),
    ...chatHandlers(store, chat),
    ...settingsHandlers(store, () => traces.refresh()),
    ...presetHandlers(store),
    ...jobHandlers(jobs),
    ...traceHandlers(store, traces),
    ...runHandlers(store),
    ...textHandlers(engine, tracer, defaultModel),
    ...knowledgeHandlers({
      ...asking,
      collections,
      defaultModel,
    }),
    ...benchHandlers({ engine, library, jobs, defaultModel }),
    ...quantizeHandlers({ library, jobs, sources, tracer, settings: store.settings }),
    ...profilerHandlers({ engine, jobs, store, memory, defaultModel }),
    ...profileHandlers({ profile, store, close, restart: options.restart }),
  }
  return { handlers, close }
}

function cacheOptions({ ageDays, sizeMiB, similar, distance }: Settings['answerCache']) {
  // No distance is below zero: nothing but the same question is found.
  return { ageMs: ageDays * 24 * 3_600_000, sizeBytes: sizeMiB * 2 ** 20, distance: similar ? distance : 0 }
}
