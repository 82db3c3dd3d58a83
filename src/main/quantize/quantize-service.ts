/** Quantizing as jobs: what runs, what it has found, and what earlier runs came to. */
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import {
  comparison,
  type Comparison,
  embeddingComparison,
  type EmbeddingComparison,
  type MatrixResult,
  type quantizeFollow,
  quantizeResult,
  type QuantizeRun,
  quantizeStart,
} from '../../shared/contract/quantize'
import { type Job } from '../../shared/contract/jobs'
import { loadSettings } from '../../shared/contract/sampling'
import { MoruError } from '../../shared/errors'
import { ChangeNotice, type JobHandle, type JobRunner } from '../jobs'
import { type ModelLibrary, type ResolvedModel } from '../models'
import { type Store } from '../store'
import { type CallRecorder, modelAttributes, step } from '../trace'
import { type TextSources } from './calibration-text'
import { compareEmbedders } from './compare-embeddings'
import { compareText } from './compare-text'
import { isBlockMethod } from './block-recipes'
import { type Pair } from './open-models'
import { planOf } from './plan'
import { quantizeModel } from './quantize-run'

type Start = ParsedInputOf<typeof quantizeStart>
type Event = EventOf<typeof quantizeFollow>
type Stage = Extract<Event, { kind: 'progress' }>['stage']

interface Running {
  startedAt: number
  stage: Stage
  layer: number | null
  layers: number
  matrices: MatrixResult[]
  ended: boolean
  failure: unknown
  notice: ChangeNotice
}

export interface QuantizeServiceOptions {
  library: ModelLibrary
  jobs: JobRunner
  sources: TextSources
  settings: Store['settings']
  tracer: CallRecorder
}

/** Ended jobs that are told of from memory: later their rows tell the same. */
const remembered = 20
/** Rows of the history that are looked through. */
const historyRows = 500

export class QuantizeService {
  private readonly options: QuantizeServiceOptions
  private readonly running = new Map<string, Running>()

  constructor(options: QuantizeServiceOptions) {
    this.options = options
    options.jobs.onRepeat('quantize', async (parameters) => this.start(quantizeStart.input.parse(parameters)))
  }

  /** Throws what planning throws; then nothing has been started. @returns the job's id */
  async start(input: Start): Promise<string> {
    const { library, jobs } = this.options
    const model = await library.resolve(input.model)
    const plan = await planOf(model, input.recipe)
    const path = input.path ?? (await this.freePath(model, input))
    const running: Running = {
      startedAt: performance.now(),
      stage: 'calibration_text',
      layer: null,
      layers: 0,
      matrices: [],
      ended: false,
      failure: null,
      notice: new ChangeNotice(),
    }
    const { id, ended } = jobs.start(
      {
        kind: 'quantize',
        title: `${model.name} ${labelOf(input)}`,
        parameters: { ...input, model: model.path, path },
        unit: 'steps',
        total: new Set(plan.matrices.map((m) => m.layer)).size,
      },
      (handle, signal) =>
        this.traced(model, { ...input, path }, running, handle, signal).catch((thrown: unknown) => {
          running.failure = thrown
          throw thrown
        }),
    )
    this.remember(id, running)
    void ended.then(() => {
      running.ended = true
      running.notice.announce()
    })
    return id
  }

  /** What a job has found, then what it finds, to its end. Throws not_found, and what the job threw. */
  async *follow(jobId: string, signal: AbortSignal): AsyncGenerator<Event> {
    const running = this.running.get(jobId)
    if (running) yield* this.tell(running, signal)
    if (signal.aborted) return
    if (running?.failure) throw running.failure
    const job = this.options.jobs.get(jobId)
    if (job.state !== 'done')
      throw new MoruError(job.state === 'failed' ? 'internal' : 'cancelled', job.error ?? 'The job was cancelled.')
    const result = quantizeResult.parse(job.result)
    if (!running) for (const matrix of result.layers) yield { kind: 'matrix', matrix }
    const { predictions, embeddings } = comparedIn(job)
    yield { kind: 'finished', result, comparison: predictions, embeddings }
  }

  /** Finished runs, newest first, each with the latest comparison on every text. */
  async runs(limit: number): Promise<QuantizeRun[]> {
    const history = this.options.jobs.list(historyRows, ['quantize', 'compare']).filter((job) => job.state === 'done')
    const compared = history.filter((job) => job.kind === 'compare').map((job) => comparedOf(job.result))
    const done = history.filter((job) => job.kind === 'quantize').slice(0, limit)
    return Promise.all(done.map((job) => runOf(job, compared)))
  }

  private async *tell(running: Running, signal: AbortSignal): AsyncGenerator<Event> {
    let told = 0
    for (;;) {
      while (told < running.matrices.length) yield { kind: 'matrix', matrix: running.matrices[told++] }
      const { stage, layer, layers, startedAt } = running
      yield { kind: 'progress', stage, layer, layers, elapsedMs: performance.now() - startedAt }
      if (running.ended || signal.aborted) return
      await running.notice.next(signal)
    }
  }

  private traced(...[model, input, running, handle, signal]: Parameters<QuantizeService['work']>) {
    const { method, bits, group } = input.recipe
    const attributes = {
      ...modelAttributes(model.id),
      'moru.run.id': handle.id,
      'moru.quantize.method': method,
      'moru.quantize.bits': bits,
      'moru.quantize.group': group,
      'moru.quantize.recipe': input.recipe,
    }
    const asked = () => [{ role: 'user' as const, content: `${model.name} ${labelOf(input)}` }]
    return this.options.tracer.run('quantize', { attributes, input: asked }, async (span) => {
      const result = await this.work(model, input, running, handle, signal)
      const { path, bitsPerWeight, sizeBytes } = result
      span?.set({ 'moru.quantize.bits_per_weight': bitsPerWeight, 'moru.quantize.size_bytes': sizeBytes })
      span?.output([{ role: 'assistant', content: `${path}\n${bitsPerWeight.toFixed(3)} bits/weight, ${sizeBytes} B` }])
      return result
    })
  }

  private async work(
    model: ResolvedModel,
    input: Start & { path: string },
    running: Running,
    handle: JobHandle,
    signal: AbortSignal,
  ) {
    const { library, sources, settings } = this.options
    const result = await quantizeModel(
      { model, recipe: input.recipe, out: input.path, sources },
      {
        stage: (stage, layer, layers) => {
          Object.assign(running, { stage, layer, layers })
          if (stage === 'layers' && layer !== null) handle.progress(layer, layers)
          running.notice.announce()
        },
        matrix: (matrix) => {
          running.matrices.push(matrix)
          running.notice.announce()
        },
      },
      signal,
    )
    const { id } = await step('import', {}, () => library.import(result.path))
    if (input.recipe.kv === 'int8') {
      const load = loadSettings.parse({ ...settings.get().load[id], kvType: 'int8' })
      settings.update({ load: { [id]: load } })
    }
    const { evaluate, evaluateEmbeddings } = input
    const paths: Pair<string> = [model.path, result.path]
    const compare = result.encoder
      ? evaluateEmbeddings && (() => compareEmbedders(library, paths, evaluateEmbeddings, () => undefined, signal))
      : evaluate &&
        (() => {
          const compared = { ...evaluate, load: loadSettings.parse({}), speed: false }
          return compareText(library, paths, compared, { progress: () => undefined, window: () => undefined }, signal)
        })
    if (!compare) return { ...result, modelId: id, comparison: null }
    Object.assign(running, { stage: 'evaluating', layer: null })
    running.notice.announce()
    return { ...result, modelId: id, comparison: await step<Comparison | EmbeddingComparison>('compare', {}, compare) }
  }

  private remember(id: string, running: Running): void {
    this.running.set(id, running)
    for (const [old, { ended }] of this.running) {
      if (this.running.size <= remembered) return
      if (ended) this.running.delete(old)
    }
  }

  private async freePath(model: ResolvedModel, input: Start): Promise<string> {
    const { modelsFolder } = this.options.library
    await mkdir(modelsFolder, { recursive: true })
    const stem = join(modelsFolder, `${model.name}-${labelOf(input).replaceAll(' ', '-')}`)
    const ending = isBlockMethod(input.recipe.method) ? '.gguf' : ''
    for (let n = 1; ; n++) {
      const path = (n === 1 ? stem : `${stem}-${n}`) + ending
      if (!(await stat(path).catch(() => null))) return path
    }
  }
}

/** 'gptq 4 bits g64' */
function labelOf({ recipe: { method, bits, group, symmetric, double } }: Start): string {
  const parts: string[] = [method]
  if (['rtn', 'gptq', 'awq', 'awq-gptq', 'hqq'].includes(method))
    parts.push(`${bits}bit`, group === 0 ? 'row' : `g${group}`)
  if (symmetric) parts.push('sym')
  if (double) parts.push('double')
  return parts.join(' ')
}

/** One of the two, or neither. */
interface Compared {
  predictions: Comparison | null
  embeddings: EmbeddingComparison | null
}

const comparedIn = ({ result }: Job): Compared => comparedOf(result?.comparison)

function comparedOf(result: unknown): Compared {
  return {
    predictions: comparison.safeParse(result).data ?? null,
    embeddings: embeddingComparison.safeParse(result).data ?? null,
  }
}

async function runOf(job: Job, compared: Compared[]): Promise<QuantizeRun> {
  const start = quantizeStart.input.parse(job.parameters)
  const { model, recipe } = start
  const result = quantizeResult.parse(job.result)
  const source = await stat(model ?? '').catch(() => null)
  const all = [comparedIn(job), ...compared]
  const ofRun = (c: Comparison | EmbeddingComparison | null) =>
    c?.models[0].path === model && c.models[1].path === result.path
  const own = all.flatMap(({ predictions }) => (predictions && ofRun(predictions) ? [predictions] : []))
  const ownEmbeddings = all.flatMap(({ embeddings }) => (embeddings && ofRun(embeddings) ? [embeddings] : []))
  return {
    jobId: job.id,
    source: {
      name: job.title.slice(0, -labelOf(start).length).trim(),
      path: model ?? '',
      sizeBytes: source?.size ?? 0,
    },
    recipe,
    result,
    available: (await stat(result.path).catch(() => null)) !== null,
    comparisons: latest(own, ({ text }) => JSON.stringify(text)),
    embeddings: latest(ownEmbeddings, ({ text, retrieval }) => JSON.stringify([text, retrieval?.path])),
    endedAt: job.endedAt ?? 0,
  }
}

/** The newest of each key; `found`: newest first. */
const latest = <T>(found: readonly T[], keyOf: (one: T) => string): T[] => [
  ...new Map(found.toReversed().map((one) => [keyOf(one), one])).values(),
]
