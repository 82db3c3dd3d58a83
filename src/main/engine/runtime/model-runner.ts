/** Turns a ragged batch of sequences into one submission, and its logits into what sampling or scoring needs. */
import { MoruError } from '../../../shared/errors'
import { type Gpu } from '../device/gpu'
import { type KvType } from '../kernels/attention'
import {
  adjustLogits,
  logitSlices,
  logitsSlices,
  tokenLoss,
  topKCapacity,
  topKCollect,
  topKThreshold,
} from '../kernels/logits'
import { gatherRows } from '../kernels/norms'
import { PipelineCache, Recorder } from '../kernels/recorder'
import { KvCache } from '../layers/kv-cache'
import { type ActivationType, type Step } from '../layers/step'
import { type Decoder } from '../models/decoder'
import { paddedHeadDim } from '../models/padding'
import { allOf, collected, joinSlices, readbackLayout } from './candidates'
import { type Candidates, type LogitChange } from './sampling'
import { type StepEntry, StepInputs } from './step-inputs'
import { logitRows, openWorkspace, type StepWorkspace, vocabStride } from './workspace'

/** What sampling wants of an entry's last token. */
export interface SampleRequest {
  changes: LogitChange[]
  /** Leading candidates wanted, at most 256. */
  topK: number
}

/** Largest k that candidates are collected for on the GPU. */
export const mostCandidates = logitSlices

/** Pipelines outlive the model they were compiled for: the next one on the device needs most of them again. */
const pipelines = new WeakMap<Gpu, PipelineCache>()
function pipelinesOf(gpu: Gpu): PipelineCache {
  let cache = pipelines.get(gpu)
  if (!cache) pipelines.set(gpu, (cache = new PipelineCache(gpu)))
  return cache
}

export interface RunnerOptions {
  activations: ActivationType
  kvType: KvType
  contextLength: number
  blocks: number
}

export class ModelRunner {
  readonly model: Decoder
  readonly options: RunnerOptions
  readonly recorder: Recorder
  private readonly gpu: Gpu
  private readonly cache: KvCache
  private readonly workspace: StepWorkspace
  private readonly releaseWorkspace: () => void
  private readonly inputs: StepInputs
  /** For whole rows of logits; there once they were asked for. */
  private logitStaging: GPUBuffer | null = null

  private constructor(
    gpu: Gpu,
    model: Decoder,
    options: RunnerOptions,
    cache: KvCache,
    workspace: { workspace: StepWorkspace; release: () => void },
  ) {
    this.gpu = gpu
    this.model = model
    this.options = options
    this.cache = cache
    this.workspace = workspace.workspace
    this.releaseWorkspace = workspace.release
    this.recorder = new Recorder(gpu, pipelinesOf(gpu))
    this.inputs = new StepInputs(gpu, model.config, this.workspace)
  }

  /** Allocates cache and workspace. Throws out_of_memory and holds nothing then. */
  static async open(gpu: Gpu, model: Decoder, options: RunnerOptions): Promise<ModelRunner> {
    const c = model.config
    const cache = await KvCache.allocate(
      gpu,
      { layers: c.layers, kvHeads: c.kvHeads, headDim: paddedHeadDim(c), kvType: options.kvType },
      options.blocks,
    )
    try {
      const sizes = { tokens: gpu.profile.stepTokens, ...options }
      return new ModelRunner(gpu, model, options, cache, await openWorkspace(gpu, c, sizes))
    } catch (error) {
      cache.release()
      throw error
    }
  }

  release(): void {
    if (this.logitStaging) this.gpu.release(this.logitStaging)
    this.logitStaging = null
    this.cache.release()
    this.releaseWorkspace()
  }

  get maxTokens(): number {
    return this.workspace.tokens
  }

  /**
   * Computes the entries' tokens and, for those that ask for their last logits (64 at most), the candidates for the next token in the
   * order of the entries. `requests[i]` belongs to `entries[i]`. One-token entries must come first.
   */
  async sample(entries: StepEntry[], requests: (SampleRequest | null)[]): Promise<(Candidates | null)[]> {
    const { step, rows } = this.record(entries)
    const wanted = requests.filter((r) => r !== null)
    if (rows.length !== wanted.length || rows.length > logitRows)
      throw new MoruError('internal', `${wanted.length} requests for ${rows.length} rows of logits.`)
    if (rows.length === 0) {
      this.recorder.submit()
      await this.gpu.idle()
      this.gpu.bindings.trim()
      return requests.map(() => null)
    }
    this.recordHead(step, rows, 0, rows.length)
    this.recordChanges(wanted)
    const k = Math.min(Math.max(...wanted.map((r) => r.topK)), this.model.config.vocabSize)
    this.recordCandidates(rows.length, k)
    const found = await this.readCandidates(rows.length, k)
    this.gpu.bindings.trim()
    let next = 0
    return requests.map((r) => (r === null ? null : found[next++]))
  }

  /** All logits of the given row of the last sampling step, in descending order. */
  async allCandidates(row: number, logSumExp: number): Promise<Candidates> {
    return allOf(await this.readRow(row), logSumExp)
  }

  /** Negative log-likelihood of `targets[i]` after the i-th token whose logits the entries ask for. */
  async losses(entries: StepEntry[], targets: number[]): Promise<Float32Array> {
    const { step, rows } = this.record(entries)
    if (rows.length !== targets.length)
      throw new MoruError('internal', `${targets.length} targets for ${rows.length} rows of logits.`)
    const stride = vocabStride(this.model.config)
    const { logits } = this.workspace
    this.gpu.write(this.workspace.targets, 0, new Uint32Array(targets))
    for (let first = 0; first < rows.length; first += logitRows) {
      const count = Math.min(logitRows, rows.length - first)
      this.recordHead(step, rows, first, count)
      const targets = slice(this.workspace.targets, first, count)
      const losses = slice(this.workspace.losses, first, count)
      const shape = { rows: count, vocab: this.model.config.vocabSize, stride }
      this.recorder.run(tokenLoss, {}, { logits, targets, losses }, shape)
    }
    this.recorder.copy(this.workspace.losses, 0, this.workspace.staging, 0, rows.length * 4)
    this.recorder.submit()
    const losses = new Float32Array(await this.gpu.mapped(this.workspace.staging, rows.length * 4))
    this.gpu.bindings.trim()
    return losses
  }

  /** Logits of every row the entries ask for, [rows][vocab]: for comparisons of models. */
  async logits(entries: StepEntry[]): Promise<Float32Array[]> {
    const { step, rows } = this.record(entries)
    const out: Float32Array[] = []
    for (let first = 0; first < rows.length; first += logitRows) {
      const count = Math.min(logitRows, rows.length - first)
      this.recordHead(step, rows, first, count)
      out.push(...(await this.readRows(count)))
    }
    this.gpu.bindings.trim()
    return out
  }

  /** Uploads the batch and records all layers; returns the token index of every row whose logits are wanted. */
  private record(entries: StepEntry[]): { step: Step; rows: number[] } {
    this.gpu.check()
    const { inputs, rows } = this.inputs.upload(entries)
    const step: Step = {
      gpu: this.gpu,
      recorder: this.recorder,
      workspace: this.workspace,
      cache: this.cache,
      activations: this.options.activations,
      kvType: this.options.kvType,
      ...inputs,
    }
    this.model.forward(step)
    return { step, rows }
  }

  /** Final norm and output head for `count` of the rows, from `first` on. */
  private recordHead(step: Step, rows: number[], first: number, count: number): void {
    const { hidden, gathered, headInput, logits } = this.workspace
    this.recorder.scope = 'head'
    if (first === 0) this.gpu.write(this.workspace.rows, 0, new Uint32Array(rows))
    this.recorder.run(
      gatherRows,
      {},
      { x: hidden, rows: slice(this.workspace.rows, first, count), y: gathered },
      { count, dim: this.model.config.hiddenDim },
    )
    // f32 whatever the compute type: these few rows cost nothing, and rounding them shows in every logit.
    this.model.finalNorm.run(step, { x: gathered, y: headInput, tokens: count, output: 'f32' })
    this.model.head.run(step, {
      x: headInput,
      y: logits,
      tokens: count,
      input: 'f32',
      output: 'f32',
      stride: vocabStride(this.model.config),
    })
  }

  /** Arg max, log-sum-exp and, if k > 1, the k largest of each row of logits. */
  private recordCandidates(rows: number, k: number): void {
    const { logits, slices, thresholds, counts, candidates } = this.workspace
    const shape = { rows, vocab: this.model.config.vocabSize, stride: vocabStride(this.model.config) }
    this.recorder.run(logitsSlices, { SLICES: logitSlices }, { logits, slices }, shape)
    if (k <= 1) return
    this.recorder.run(topKThreshold, { SLICES: logitSlices }, { slices, thresholds, counts }, { rows, k })
    this.recorder.run(topKCollect, { CAPACITY: topKCapacity }, { logits, thresholds, counts, candidates }, shape)
  }

  /** Logits of the first rows of the last head, [rows][vocab]. */
  private async readRows(count: number): Promise<Float32Array[]> {
    const { vocabSize } = this.model.config
    const stride = vocabStride(this.model.config)
    this.logitStaging ??= await this.gpu.allocate(
      'logits read back',
      logitRows * stride * 4,
      GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    )
    this.recorder.copy(this.workspace.logits, 0, this.logitStaging, 0, count * stride * 4)
    this.recorder.submit()
    const all = new Float32Array(await this.gpu.mapped(this.logitStaging, count * stride * 4))
    return Array.from({ length: count }, (_, row) => all.subarray(row * stride, row * stride + vocabSize))
  }

  /** Logits of a row of the last head, [vocab]. */
  private async readRow(row: number): Promise<Float32Array> {
    const { logits, staging } = this.workspace
    const bytes = this.model.config.vocabSize * 4
    this.recorder.copy(logits, row * vocabStride(this.model.config) * 4, staging, 0, bytes)
    this.recorder.submit()
    return new Float32Array(await this.gpu.mapped(staging, bytes))
  }

  private recordChanges(requests: SampleRequest[]): void {
    const stride = vocabStride(this.model.config)
    const entries = requests.flatMap((r, row) =>
      r.changes.filter((c) => c.id < this.model.config.vocabSize).map((c) => ({ ...c, at: row * stride + c.id })),
    )
    const most = this.workspace.changes.size / 16
    for (let first = 0; first < entries.length; first += most) {
      if (first > 0) this.recorder.submit()
      const own = entries.slice(first, first + most)
      const words = new Float32Array(own.length * 4)
      const bits = new Uint32Array(words.buffer)
      own.forEach((e, i) => {
        bits[i * 4] = e.at
        words[i * 4 + 1] = e.penalty
        words[i * 4 + 2] = e.offset
      })
      this.gpu.write(this.workspace.changes, 0, words)
      this.recorder.run(
        adjustLogits,
        {},
        { entries: this.workspace.changes, logits: this.workspace.logits },
        { count: own.length },
      )
    }
  }

  private async readCandidates(rows: number, k: number): Promise<Candidates[]> {
    const { slices, counts, candidates, staging } = this.workspace
    const layout = readbackLayout(rows, k)
    this.recorder.copy(slices, 0, staging, 0, layout.countsAt)
    if (k > 1) {
      this.recorder.copy(counts, 0, staging, layout.countsAt, rows * 4)
      this.recorder.copy(candidates, 0, staging, layout.candidatesAt, rows * topKCapacity * 8)
    }
    this.recorder.submit()
    const bytes = await this.gpu.mapped(staging, layout.bytes)
    const out: Candidates[] = []
    for (let row = 0; row < rows; row++) {
      const best = joinSlices(new Float32Array(bytes, row * logitSlices * 16, logitSlices * 4))
      out.push(
        k > 1
          ? (collected(bytes, layout, row, best.logSumExp) ?? (await this.allCandidates(row, best.logSumExp)))
          : { ids: [best.id], logits: [best.logit], logSumExp: best.logSumExp, complete: false },
      )
    }
    return out
  }
}

/** Elements from `first` on, a multiple of logitRows: bindings begin at multiples of 256 bytes. */
const slice = (buffer: GPUBuffer, first: number, count: number) => ({ buffer, offset: first * 4, size: count * 4 })
