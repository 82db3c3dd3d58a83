/** The model library: bundled, imported in place and downloaded models, their facts, and what the name of a model means. */
import { stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { type MemoryPlan, type ModelDetail, type ModelSummary } from '../../shared/contract/models'
import { type LoadSettings, loadSettings } from '../../shared/contract/sampling'
import { MoruError } from '../../shared/errors'
import { type MemoryLimits, planMemory } from '../engine'
import { type ModelRow, type Store } from '../store'
import { bundledModels } from './bundled'
import { type Discovered, discoverModels } from './discover'
import { type Machine } from './discover/places'
import { inspectModel, type Inspection, type ModelFacts, unchanged } from './inspect'
import { modelPath, slug, uniqueId } from './model-path'
import { deleteDownload } from './remove-files'

export interface LibraryOptions {
  store: Pick<Store, 'models' | 'settings'>
  /** resources/models of the program. */
  bundledFolder: string
  /** Where downloads go: models/ of the profile. */
  modelsFolder: string
  /** What the adapter allows; null where there is none: then everything is planned as if it fitted. */
  limits: () => Promise<MemoryLimits | null>
  /** Where to look for other programs' models; default: this machine. */
  machine?: Machine
}

/** Which model is meant, and where it lies. */
export interface ResolvedModel {
  /** The library's id; the path of a model that is not in the library. */
  id: string
  name: string
  path: string
}

type Entry = { id: string; source: ModelSummary['source']; addedAt: number; available: boolean } & Pick<
  Inspection,
  'name' | 'path' | 'format' | 'facts'
>

const unlimited: MemoryLimits = { maxBufferBytes: Infinity, maxBindingBytes: Infinity, availableBytes: null }

export class ModelLibrary {
  readonly modelsFolder: string
  private readonly options: LibraryOptions
  private bundled: Promise<Entry[]> | null = null

  constructor(options: LibraryOptions) {
    this.options = options
    this.modelsFolder = options.modelsFolder
  }

  /** Bundled models first, then by age. Files are looked at, not opened. */
  async list(): Promise<ModelSummary[]> {
    const rows = await Promise.all(this.options.store.models.list().map(entryOfRow))
    return [...(await this.bundledEntries()), ...rows].map(summarize)
  }

  /**
   * A model by id or path, with its tensors and the plan for these load settings (default: those stored for it).
   * @throws MoruError not_found; invalid_file and unsupported when the files are not what they were
   */
  async get(idOrPath: string, load?: LoadSettings): Promise<ModelDetail> {
    const entry = await this.find(idOrPath)
    const found = await inspectModel(entry.path)
    const { config } = found
    const settings = load ?? this.options.store.settings.get().load[entry.id] ?? loadSettings.parse({})
    return {
      ...summarize({ ...entry, facts: found.facts }),
      layers: config.layers,
      hiddenDim: config.hiddenDim,
      heads: config.heads,
      kvHeads: config.kvHeads,
      headDim: config.headDim,
      vocabSize: config.vocabSize,
      tokenizer: found.tokenizer,
      chatTemplate: found.chatTemplate,
      memoryPlan: await this.plan(found, settings),
      tensors: found.tensors.map(({ name, shape, type, sizeBytes }) => ({ name, shape, type, sizeBytes })),
    }
  }

  /**
   * What MODEL means on a command line or in a request: an id of the library, else a path; null is the default model of the
   * settings, else the first bundled chat model.
   * @throws MoruError not_found with the ids there are
   */
  async resolve(model: string | null): Promise<ResolvedModel> {
    const { id, name, path } = await this.find(model ?? (await this.defaultId()))
    return { id, name, path }
  }

  /** Names what a model's files hold, another text after any of them changed, and counts its weights. @throws as get */
  async describe(model: string | null): Promise<{ identity: string; parameters: number }> {
    const { path } = await this.resolve(model)
    const { files, chatTemplate, facts } = await inspectModel(path)
    const stamps = files.map((file) => `${file.sizeBytes}@${file.mtimeMs}`)
    return { identity: JSON.stringify([path, stamps, chatTemplate]), parameters: facts.parameters }
  }

  /**
   * References a model in place. The same path again gives the same id, with what the files hold now.
   * @throws MoruError what is wrong with the file; then nothing is stored.
   */
  async import(path: string, source: 'imported' | 'downloaded' = 'imported'): Promise<ModelSummary> {
    const found = await inspectModel(await modelPath(path))
    const bundled = await this.bundledEntries()
    const own = bundled.find((entry) => entry.path === found.path)
    if (own) return summarize(own)
    // From here to the row nothing is awaited: two imports at once cannot take the same id.
    const taken = new Set([...bundled, ...this.options.store.models.list()].map((one) => one.id))
    const known = this.options.store.models.findByPath(found.path)
    const row: ModelRow = {
      id: known?.id ?? uniqueId(slug(found.name), (id) => taken.has(id)),
      name: found.name,
      source: known?.source ?? source,
      path: found.path,
      format: found.format,
      files: found.files,
      metadata: { ...found.facts },
      addedAt: known?.addedAt ?? Date.now(),
    }
    this.options.store.models.save(row)
    return summarize(await entryOfRow(row))
  }

  /** Forgets a model; with `deleteFiles` also deletes what Moru downloaded for it. @throws not_found, unsupported, io */
  async remove(id: string, deleteFiles: boolean): Promise<void> {
    const row = this.options.store.models.find(id)
    if (!row) {
      const { name } = await this.find(id)
      throw new MoruError('unsupported', `${name} comes with Moru and cannot be removed.`)
    }
    if (deleteFiles && row.source === 'downloaded') {
      const others = this.options.store.models.list().filter((other) => other.id !== id)
      await deleteDownload(row, this.modelsFolder, others)
    }
    this.options.store.models.remove(id)
  }

  /** Models of other programs that the library does not have yet. */
  async discover(signal?: AbortSignal): Promise<Discovered[]> {
    const known = new Set(this.options.store.models.list().map((row) => row.path))
    const found: Discovered[] = []
    for (const model of await discoverModels(this.options.machine, signal)) {
      const path = await modelPath(model.path).catch(() => model.path)
      if (!known.has(path)) found.push({ ...model, path })
    }
    return found
  }

  private async plan(found: Inspection, load: LoadSettings): Promise<MemoryPlan> {
    return planMemory(found.config, found.tensors, load, (await this.options.limits()) ?? unlimited)
  }

  private async find(idOrPath: string): Promise<Entry> {
    const row = this.options.store.models.find(idOrPath)
    if (row) {
      const entry = await entryOfRow(row)
      if (entry.available || (await stat(row.path).catch(() => null))) return entry
      throw new MoruError(
        'not_found',
        `The files of "${row.name}" are gone: ${row.path}. Bring them back, or remove the model.`,
      )
    }
    const bundled = (await this.bundledEntries()).find((entry) => entry.id === idOrPath)
    return bundled ?? this.findPath(idOrPath)
  }

  private async findPath(path: string): Promise<Entry> {
    if (!(await stat(path).catch(() => null)) && !isAbsolute(path) && !path.startsWith('~')) {
      const ids = (await this.list()).map((model) => model.id).slice(0, 10).join(', ') // prettier-ignore
      throw new MoruError(
        'not_found',
        `"${path}" is neither a model of the library (it has: ${ids || 'none'}) nor a path.`,
      )
    }
    const canonical = await modelPath(path)
    const bundled = (await this.bundledEntries()).find((entry) => entry.path === canonical)
    if (bundled) return bundled
    const row = this.options.store.models.findByPath(canonical)
    if (row) return entryOfRow(row)
    const { name, format, facts } = await inspectModel(canonical)
    return { id: canonical, source: 'imported', addedAt: 0, available: true, path: canonical, name, format, facts }
  }

  private async defaultId(): Promise<string> {
    const chosen = this.options.store.settings.get().defaultModelId
    const models = await this.list()
    const model = models.find((one) => one.id === chosen && one.available) ?? models.find((one) => one.chat && one.source === 'bundled') // prettier-ignore
    if (model) return model.id
    throw new MoruError('not_found', 'No model was named, and Moru comes without one here. Import a model first.')
  }

  private bundledEntries(): Promise<Entry[]> {
    this.bundled ??= bundledModels(this.options.bundledFolder).then((models) => {
      const taken = new Set(this.options.store.models.list().map((row) => row.id))
      return models.map(({ path, name, format, facts }) => {
        const id = uniqueId(slug(name), (wanted) => taken.has(wanted))
        taken.add(id)
        return { id, source: 'bundled' as const, addedAt: 0, available: true, path, name, format, facts }
      })
    })
    return this.bundled
  }
}

async function entryOfRow(row: ModelRow): Promise<Entry> {
  const { id, name, source, path, format, addedAt } = row
  // `import` alone writes metadata, and writes these facts.
  const facts = row.metadata as unknown as ModelFacts
  return { id, name, source, path, format, addedAt, facts, available: await unchanged(row.files) }
}

const summarize = ({ facts, ...entry }: Entry): ModelSummary => ({ ...entry, ...facts })
