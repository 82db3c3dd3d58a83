/** Turns a ragged batch of sequences into one submission, and its logits into what sampling or scoring needs. */
import { MoruError } from '../../../shared/errors'
import { type Gpu } from '../device/gpu'
import { blockTokens, type KvType } from '../kernels/attention'
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
import { Recorder } from '../kernels/recorder'
import { KvCache } from '../layers/kv-cache'
import { type ActivationType, type AttentionTiles, type Step } from '../layers/step'
import { type Decoder } from '../models/decoder'
import { planTiles, tileShapes, type TileEntry, type TileShape } from './attention-tiles'
import { inverseFrequencies, ropeAngles } from './rope-angles'
import { type Candidates, type LogitChange } from './sampling'
import { logitRows, openWorkspace, type StepWorkspace, vocabStride } from './workspace'

/** One sequence's share of a step. */
export interface StepEntry {
  /** Tokens to compute, which follow `position` tokens whose keys and values are cached. */
  ids: number[]
  position: number
  /** Blocks for all tokens up to and including these. */
  blocks: number[]
  /** Whose logits are wanted. */
  logits: 'none' | 'last' | 'all'
}

/** What sampling wants of an entry's last token. */
export interface SampleRequest {
  changes: LogitChange[]
  /** Leading candidates wanted, at most 256. */
  topK: number
}

/** Largest k that candidates are collected for on the GPU. */
export const mostCandidates = logitSlices

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
  private readonly shapes: { decode: TileShape; prefill: TileShape }
  private readonly frequencies: { global: number[] | null; local: number[] | null }

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
    this.recorder = new Recorder(gpu)
    const c = model.config
    this.shapes = tileShapes(c.heads / c.kvHeads, c.headDim)
    this.frequencies = {
      global: c.rope && inverseFrequencies(c.rope),
      local: c.localRope && inverseFrequencies(c.localRope),
    }
  }

  /** Allocates cache and workspace. Throws out_of_memory and holds nothing then. */
  static async open(gpu: Gpu, model: Decoder, options: RunnerOptions): Promise<ModelRunner> {
    const c = model.config
    if (c.headDim % 16 !== 0)
      throw new MoruError('unsupported', `Heads of ${c.headDim} dimensions: Moru’s kernels need a multiple of 16.`)
    const cache = await KvCache.allocate(
      gpu,
      { layers: c.layers, kvHeads: c.kvHeads, headDim: c.headDim, kvType: options.kvType },
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
    this.cache.release()
    this.releaseWorkspace()
  }

  get maxTokens(): number {
    return this.workspace.tokens
  }

  /**
   * Computes the entries' tokens and, for those that ask for their last logits (32 at most), the candidates for the next token in the
   * order of the entries. `requests[i]` belongs to `entries[i]`. One-token entries must come first.
   */
  async sample(entries: StepEntry[], requests: (SampleRequest | null)[]): Promise<(Candidates | null)[]> {
    this.gpu.check()
    const { step, rows } = this.record(entries)
    const wanted = requests.filter((r) => r !== null)
    if (rows.length === 0) {
      this.recorder.submit()
      await this.gpu.idle()
      return requests.map(() => null)
    }
    this.recordHead(step, rows, 0, rows.length)
    this.recordChanges(wanted)
    const stride = vocabStride(this.model.config)
    const { vocabSize: vocab } = this.model.config
    const { logits, slices, thresholds, counts, candidates } = this.workspace
    const shape = { rows: rows.length, vocab, stride }
    this.recorder.run(logitsSlices, { SLICES: logitSlices }, { logits, slices }, shape)
    const k = Math.min(Math.max(...wanted.map((r) => r.topK)), vocab)
    if (k > 1) {
      this.recorder.run(
        topKThreshold,
        { SLICES: logitSlices },
        { slices, thresholds, counts },
        { rows: rows.length, k },
      )
      this.recorder.run(topKCollect, { CAPACITY: topKCapacity }, { logits, thresholds, counts, candidates }, shape)
    }
    const found = await this.readCandidates(rows.length, k)
    this.gpu.bindings.trim()
    let next = 0
    return requests.map((r) => (r === null ? null : found[next++]))
  }

  /** All logits of the given row of the last sampling step, in descending order. */
  async allCandidates(row: number, logSumExp: number): Promise<Candidates> {
    const { vocabSize } = this.model.config
    const bytes = vocabSize * 4
    this.recorder.copy(
      this.workspace.logits,
      row * vocabStride(this.model.config) * 4,
      this.workspace.staging,
      0,
      bytes,
    )
    this.recorder.submit()
    const values = new Float32Array(await this.gpu.mapped(this.workspace.staging, bytes))
    const ids = new Uint32Array(vocabSize).map((_, i) => i).sort((a, b) => values[b] - values[a] || a - b)
    return { ids, logits: Float32Array.from(ids, (i) => values[i]), logSumExp, complete: true }
  }

  /** Negative log-likelihood of `targets[i]` after the i-th token whose logits the entries ask for. */
  async losses(entries: StepEntry[], targets: number[]): Promise<Float32Array> {
    const { step, rows } = this.record(entries)
    if (rows.length !== targets.length)
      throw new MoruError('internal', `${targets.length} targets for ${rows.length} rows of logits.`)
    const stride = vocabStride(this.model.config)
    this.gpu.write(this.workspace.targets, 0, new Uint32Array(targets))
    for (let first = 0; first < rows.length; first += logitRows) {
      const count = Math.min(logitRows, rows.length - first)
      this.recordHead(step, rows, first, count)
      this.recorder.run(
        tokenLoss,
        {},
        {
          logits: this.workspace.logits,
          targets: slice(this.workspace.targets, first, count),
          losses: slice(this.workspace.losses, first, count),
        },
        { rows: count, vocab: this.model.config.vocabSize, stride },
      )
    }
    this.recorder.copy(this.workspace.losses, 0, this.workspace.staging, 0, rows.length * 4)
    this.recorder.submit()
    return new Float32Array(await this.gpu.mapped(this.workspace.staging, rows.length * 4))
  }

  /** Logits of every row the entries ask for, [rows][vocab]: for tests and comparisons of models. */
  async logits(entries: StepEntry[]): Promise<Float32Array[]> {
    const { step, rows } = this.record(entries)
    const { vocabSize } = this.model.config
    const out: Float32Array[] = []
    for (let first = 0; first < rows.length; first += logitRows) {
      const count = Math.min(logitRows, rows.length - first)
      this.recordHead(step, rows, first, count)
      for (let row = 0; row < count; row++) {
        this.recorder.copy(
          this.workspace.logits,
          row * vocabStride(this.model.config) * 4,
          this.workspace.staging,
          0,
          vocabSize * 4,
        )
        this.recorder.submit()
        out.push(new Float32Array(await this.gpu.mapped(this.workspace.staging, vocabSize * 4)))
      }
    }
    return out
  }

  /** Uploads the batch and records all layers; returns the token index of every row whose logits are wanted. */
  private record(entries: StepEntry[]): { step: Step; rows: number[] } {
    this.gpu.check()
    const tokens = entries.reduce((sum, e) => sum + e.ids.length, 0)
    if (tokens > this.maxTokens)
      throw new MoruError('internal', `A step of ${tokens} tokens passes the workspace of ${this.maxTokens}.`)
    const { tiles, rows } = this.upload(entries, tokens)
    const step: Step = {
      gpu: this.gpu,
      recorder: this.recorder,
      workspace: this.workspace,
      cache: this.cache,
      activations: this.options.activations,
      kvType: this.options.kvType,
      tokens,
      ids: this.workspace.ids,
      positions: this.workspace.positions,
      slots: this.workspace.slots,
      tables: this.workspace.tables,
      angles: { global: this.workspace.anglesGlobal, local: this.workspace.anglesLocal },
      tiles,
      spans: this.workspace.spans,
    }
    this.model.forward(step)
    return { step, rows }
  }

  private upload(entries: StepEntry[], tokens: number): { tiles: Step['tiles']; rows: number[] } {
    const ids = new Uint32Array(tokens)
    const positions = new Uint32Array(tokens)
    const slots = new Uint32Array(tokens)
    const tables: number[] = []
    const rows: number[] = []
    const tileEntries: TileEntry[] = []
    let at = 0
    for (const entry of entries) {
      const count = entry.ids.length
      tileEntries.push({ firstToken: at, count, position: entry.position, table: tables.length })
      tables.push(...entry.blocks)
      for (let i = 0; i < count; i++, at++) {
        const position = entry.position + i
        ids[at] = entry.ids[i]
        positions[at] = position
        slots[at] = entry.blocks[Math.floor(position / blockTokens)] * blockTokens + (position % blockTokens)
        if (entry.logits === 'all' || (entry.logits === 'last' && i === count - 1)) rows.push(at)
      }
    }
    const w = this.workspace
    this.gpu.write(w.ids, 0, ids)
    this.gpu.write(w.positions, 0, positions)
    this.gpu.write(w.slots, 0, slots)
    this.gpu.write(w.tables, 0, new Uint32Array(tables))
    if (this.frequencies.global) this.gpu.write(w.anglesGlobal, 0, ropeAngles(this.frequencies.global, positions))
    if (this.frequencies.local) this.gpu.write(w.anglesLocal, 0, ropeAngles(this.frequencies.local, positions))
    return { tiles: this.uploadTiles(tileEntries), rows }
  }

  private uploadTiles(entries: TileEntry[]): Step['tiles'] {
    const c = this.model.config
    const singles = entries.filter((e) => e.count === 1)
    const runs = entries.filter((e) => e.count > 1)
    const dispatches = (window: number, firstBuffer: number): AttentionTiles[] =>
      [
        { entries: singles, shape: this.shapes.decode },
        { entries: runs, shape: this.shapes.prefill },
      ].flatMap(({ entries: own, shape }, i) => {
        if (own.length === 0) return []
        const plan = planTiles(own, shape, window, c.heads / shape.headsPerTile, this.gpu.profile.parallelWorkgroups)
        const buffer = this.workspace.tileBuffers[firstBuffer + i]
        this.gpu.write(buffer, 0, plan.words)
        if (plan.partial) this.gpu.write(this.workspace.spans, 0, plan.spans)
        return [{ ...plan, buffer, count: plan.words.length / 8 }]
      })
    const sliding = c.slidingLayers.some(Boolean)
    const full = c.slidingLayers.length === 0 || c.slidingLayers.some((s) => !s)
    return { full: full ? dispatches(0, 0) : [], sliding: sliding ? dispatches(c.slidingWindow ?? 0, 2) : [] }
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
    this.model.finalNorm.run(step, { x: gathered, y: headInput, tokens: count, output: step.activations })
    this.model.head.run(step, {
      x: headInput,
      y: logits,
      tokens: count,
      input: step.activations,
      output: 'f32',
      stride: vocabStride(this.model.config),
    })
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
    const slicesBytes = rows * logitSlices * 16
    const countsBytes = k > 1 ? rows * 4 : 0
    const candidateBytes = k > 1 ? rows * topKCapacity * 8 : 0
    this.recorder.copy(slices, 0, staging, 0, slicesBytes)
    if (k > 1) {
      this.recorder.copy(counts, 0, staging, slicesBytes, countsBytes)
      this.recorder.copy(candidates, 0, staging, slicesBytes + countsBytes, candidateBytes)
    }
    this.recorder.submit()
    const bytes = await this.gpu.mapped(staging, slicesBytes + countsBytes + candidateBytes)
    const out: Candidates[] = []
    for (let row = 0; row < rows; row++) {
      const best = joinSlices(new Float32Array(bytes, row * logitSlices * 16, logitSlices * 4))
      const count = k > 1 ? new Uint32Array(bytes, slicesBytes + row * 4, 1)[0] : 0
      const listed =
        k > 1 && count <= topKCapacity
          ? new Uint32Array(bytes, slicesBytes + countsBytes + row * topKCapacity * 8, count * 2)
          : null
      if (k > 1 && !listed) out.push(await this.allCandidates(row, best.logSumExp))
      else
        out.push(
          listed
            ? { ...sorted(listed), logSumExp: best.logSumExp, complete: false }
            : { ids: [best.id], logits: [best.logit], logSumExp: best.logSumExp, complete: false },
        )
    }
    return out
  }
}

/** Elements from `first` on, a multiple of logitRows: bindings begin at multiples of 256 bytes. */
const slice = (buffer: GPUBuffer, first: number, count: number) => ({ buffer, offset: first * 4, size: count * 4 })

/** Arg max and log-sum-exp of a row from its slices (arXiv 1805.02867). */
function joinSlices(slices: Float32Array): { id: number; logit: number; logSumExp: number } {
  const bits = new Uint32Array(slices.buffer, slices.byteOffset, slices.length)
  let best = 0
  for (let s = 0; s < slices.length; s += 4) if (slices[s] > slices[best]) best = s
  let sum = 0
  for (let s = 0; s < slices.length; s += 4) sum += slices[s + 2] * Math.exp(slices[s] - slices[best])
  return { id: bits[best + 1], logit: slices[best], logSumExp: slices[best] + Math.log(sum) }
}

/** Pairs of id and logit bits, in descending order of logits, ties by id. */
function sorted(pairs: Uint32Array): { ids: Uint32Array; logits: Float32Array } {
  const logits = new Float32Array(pairs.buffer, pairs.byteOffset, pairs.length)
  const order = Array.from({ length: pairs.length / 2 }, (_, i) => i).sort(
    (a, b) => logits[b * 2 + 1] - logits[a * 2 + 1] || pairs[a * 2] - pairs[b * 2],
  )
  return {
    ids: Uint32Array.from(order, (i) => pairs[i * 2]),
    logits: Float32Array.from(order, (i) => logits[i * 2 + 1]),
  }
}
