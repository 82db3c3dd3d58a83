/**
 * The one engine of the host and the model that lives in it: who asks for another model waits until the one there is
 * let go, and a device that was lost is opened again by the next request.
 */
import { type EngineStatus } from '../../shared/contract/engine'
import { type LoadSettings } from '../../shared/contract/sampling'
import { MoruError, throwIfCancelled, toMoruError } from '../../shared/errors'
import { type ChatModel } from '../chat'
import {
  type AdapterReport,
  type Engine,
  type GenerateEvent,
  type GenerateRequest,
  inspectAdapter,
  type LoadedModel,
  type LoadProgress,
  type MemoryLimits,
  profileGeneration,
} from '../engine'
import { ChangeNotice, Turnstile } from '../jobs'
import { type EmbeddingSource, type HeldEmbedder } from '../rag'
import { type TextEngine, type TextModel } from '../text'
import { EmbedderResidency } from './embedder-residency'
import { type Log } from './log'
import { pause, seldom } from './pace'
import { TokenizerCache } from './tokenizer-cache'

/** What the service asks of the model library. */
export interface ModelSource {
  /** @throws not_found */
  resolve(modelId: string): Promise<{ id: string; name: string; path: string }>
  /** Tokens a sequence may hold under these settings on this machine. */
  contextLength(modelId: string, load: LoadSettings): Promise<number>
  defaultModelId(): string | null
  defaultEmbedderId(): string | null
}

interface Resident {
  id: string
  name: string
  load: LoadSettings
  model: LoadedModel
  /** Callers that need it now. */
  holders: number
  /** Its device was lost, and its weights with it. */
  gone: boolean
}

/** Longer than any pause between two states that a person could tell apart. */
const statusEveryMs = 500

export class EngineService implements TextEngine, EmbeddingSource {
  readonly #engine: Engine
  readonly #models: ModelSource
  readonly #log: Log
  readonly #turnstile = new Turnstile()
  readonly #tokenizers = new TokenizerCache()
  readonly #notice = new ChangeNotice()
  readonly #closing = new AbortController()
  readonly #embedders: EmbedderResidency
  #opening: Promise<unknown> | null = null
  #resident: Resident | null = null
  #loading: { id: string; name: string; load: LoadSettings } | null = null
  /** Why the engine has no device, once it was tried. */
  #trouble: 'no_adapter' | 'lost' | null = null
  /** What the adapter was when it was last looked at: known before the device is opened. */
  #adapter: Pick<AdapterReport, 'adapter' | 'software'> | null = null

  constructor(engine: Engine, models: ModelSource, log: Log) {
    this.#engine = engine
    this.#models = models
    this.#log = log
    this.#embedders = new EmbedderResidency(engine, log)
  }

  defaultModelId(): string | null {
    return this.#models.defaultModelId()
  }

  defaultEmbedderId(): string | null {
    return this.#models.defaultEmbedderId()
  }

  async ensureEmbedder(model: string | null, signal?: AbortSignal): Promise<HeldEmbedder> {
    const named = model ?? this.defaultEmbedderId()
    if (named === null)
      throw new MoruError('model_not_loaded', 'No embedding model was named and none comes along: import one first.')
    const { id, name, path } = await this.#models.resolve(named)
    await this.#open()
    return this.#embedders.ensure({ id, name, path }, signal)
  }

  /** Looks at the adapter without opening its device, so that the status names it from the start. */
  async probe(): Promise<void> {
    try {
      this.#adapter = await inspectAdapter()
    } catch (thrown) {
      this.#noteTrouble(thrown)
    }
    this.#notice.announce()
  }

  /** What the adapter allows a model that is loaded after the present one has made room; null where there is no adapter. */
  async limits(): Promise<MemoryLimits | null> {
    try {
      await this.#open()
      const limits = await this.#engine.limits()
      const { availableBytes } = limits
      return { ...limits, availableBytes: availableBytes === null ? null : availableBytes + this.#engine.memoryBytes }
    } catch (thrown) {
      if (toMoruError(thrown).code === 'no_adapter') return null
      throw thrown
    }
  }

  async inspect(modelId: string, load: LoadSettings, signal: AbortSignal): Promise<ChatModel> {
    const resident = this.#resident
    if (resident && isSame(resident, modelId, load)) return chatModel(resident)
    const { id, name, path } = await this.#models.resolve(modelId)
    const { tokenizer, chatTemplate } = await this.#tokenizers.of(path)
    throwIfCancelled(signal)
    return { id, name, tokenizer, template: chatTemplate, contextLength: await this.#models.contextLength(id, load) }
  }

  async ensureLoaded(
    modelId: string,
    load: LoadSettings,
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<TextModel> {
    const cancel = AbortSignal.any([signal, this.#closing.signal])
    const resident = await this.#turnstile.run(async () => {
      const there = await this.#makeResident(modelId, load, onProgress, cancel)
      there.holders += 1
      return there
    }, cancel)
    return {
      ...chatModel(resident),
      loadMs: resident.model.loadMs,
      generate: (request) => this.#generate(resident.model, request),
      score: (ids, options) => resident.model.score(ids, options),
      alone: (work) => resident.model.alone(work),
      forgetPrefixes: () => resident.model.forgetPrefixes(),
      profile: (request, onStage) => profileGeneration(resident.model, request, onStage),
      release: () => {
        resident.holders -= 1
        this.#notice.announce()
      },
    }
  }

  /** Frees the model's memory. @throws busy while an answer is being written. */
  async unload(): Promise<void> {
    if (this.#resident && this.#resident.holders > 0)
      throw new MoruError('busy', `${this.#resident.name} is writing an answer. Stop it first, or wait for its end.`)
    await this.#turnstile.run(() => this.#drop())
  }

  /** The state now, then whenever it changes. */
  async *follow(signal: AbortSignal): AsyncGenerator<EngineStatus> {
    let told = ''
    while (!signal.aborted) {
      const status = this.status()
      const text = JSON.stringify(status)
      if (text !== told) yield status
      told = text
      if (status.state === 'generating') await pause(statusEveryMs, signal)
      else await this.#notice.next(signal)
    }
  }

  status(): EngineStatus {
    const adapter = this.#engine.adapter ?? this.#adapter
    const resident = this.#resident
    const { tokensPerSecond, kvBlocksUsed, kvBlocksTotal } = resident?.model.status ?? noModel
    return {
      adapter: adapter?.adapter ?? null,
      software: adapter?.software ?? false,
      state: this.#state(),
      memoryBytes: this.#engine.memoryBytes,
      tokensPerSecond,
      model: resident && {
        id: resident.id,
        name: resident.name,
        load: resident.load,
        contextLength: resident.model.contextLength,
        kvBlocksUsed,
        kvBlocksTotal,
      },
    }
  }

  /** What it holds on the GPU, and the model that lives there. */
  memory() {
    const resident = this.#resident
    const held = resident && {
      id: resident.id,
      load: { ...resident.load, contextLength: resident.model.contextLength },
      kvBlocks: resident.model.kvBlocks,
    }
    return { totalBytes: this.#engine.memoryBytes, model: held }
  }

  /** Ends a load that is under way; answers being written are the callers' to end before. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#turnstile.run(() => this.#drop())
    await this.#embedders.close()
    await this.#engine.close()
  }

  #state(): EngineStatus['state'] {
    if (this.#loading) return 'loading'
    if (this.#trouble) return this.#trouble
    if (!this.#resident) return 'idle'
    if (this.#resident.gone || this.#engine.adapter === null) return 'lost'
    return this.#resident.model.status.generating ? 'generating' : 'ready'
  }

  /** Only within the turnstile. */
  async #makeResident(
    modelId: string,
    load: LoadSettings,
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<Resident> {
    const { id, name, path } = await this.#models.resolve(modelId)
    const there = this.#resident
    if (there && isSame(there, id, load) && !there.gone && this.#engine.adapter !== null) return there
    while (this.#resident && this.#resident.holders > 0) {
      throwIfCancelled(signal)
      await this.#notice.next(signal)
    }
    await this.#drop()
    const report = seldom(onProgress)
    this.#loading = { id, name, load }
    this.#notice.announce()
    try {
      await this.#open()
      const options = {
        load,
        signal,
        onProgress: ({ loadedBytes, totalBytes }: LoadProgress) => report(loadedBytes, totalBytes),
      }
      const model = await this.#engine.load(path, options).catch(async (thrown: unknown) => {
        const short = toMoruError(thrown).code === 'out_of_memory' && (await this.#embedders.makeRoom())
        if (!short) throw thrown
        return this.#engine.load(path, options)
      })
      this.#trouble = null
      this.#log.info(
        { model: id, loadMs: Math.round(model.loadMs), contextLength: model.contextLength },
        'model loaded',
      )
      return (this.#resident = { id, name, load, model, holders: 0, gone: false })
    } catch (thrown) {
      this.#noteTrouble(thrown)
      throw thrown
    } finally {
      this.#loading = null
      this.#notice.announce()
    }
  }

  /** The device, opened (again) once for all who ask at the same time. */
  #open(): Promise<unknown> {
    if (this.#resident && this.#engine.adapter === null) this.#resident.gone = true
    this.#opening ??= this.#engine
      .open()
      .then((gpu) => {
        this.#adapter = gpu.report
        this.#trouble = null
      })
      .catch((thrown: unknown) => {
        this.#noteTrouble(thrown)
        throw thrown
      })
      .finally(() => {
        this.#opening = null
        this.#notice.announce()
      })
    return this.#opening
  }

  async #drop(): Promise<void> {
    const resident = this.#resident
    if (!resident) return
    this.#resident = null
    await this.#engine.unload(resident.model)
    this.#notice.announce()
  }

  async *#generate(model: LoadedModel, request: GenerateRequest): AsyncGenerator<GenerateEvent> {
    try {
      for await (const event of model.generate(request)) {
        yield event
        this.#notice.announce()
      }
    } catch (thrown) {
      this.#noteTrouble(thrown)
      throw thrown
    } finally {
      this.#notice.announce()
    }
  }

  #noteTrouble(thrown: unknown): void {
    const { code, message } = toMoruError(thrown)
    if (code !== 'device_lost' && code !== 'no_adapter') return
    this.#trouble = code === 'device_lost' ? 'lost' : code
    this.#log.warn({ code }, message)
  }
}

const noModel = { tokensPerSecond: null, kvBlocksUsed: 0, kvBlocksTotal: 0 }

const chatModel = ({ id, name, model }: Resident): ChatModel => ({
  id,
  name,
  contextLength: model.contextLength,
  tokenizer: model.tokenizer,
  template: model.template,
})

const isSame = (resident: Resident, id: string, load: LoadSettings): boolean =>
  resident.id === id &&
  resident.load.contextLength === load.contextLength &&
  resident.load.computeType === load.computeType &&
  resident.load.kvType === load.kvType &&
  (resident.load.fused ?? true) === (load.fused ?? true)
