/** Runs ragged batches of texts through an encoder: no padding, each text attends to itself alone. */
import { MoruError } from '../../../shared/errors'
import { storageUsage, type Gpu } from '../device/gpu'
import { blockTokens } from '../kernels/attention'
import { pool, poolingModes, type PoolingMode } from '../kernels/pool'
import { Recorder } from '../kernels/recorder'
import { KvCache, kvBytesPerToken } from '../layers/kv-cache'
import { type Workspace } from '../layers/step'
import { type ModelConfig } from '../models/config'
import { type Encoder } from '../models/encoder'
import { paddedFfnDim, paddedHeadDim } from '../models/padding'
import { type InputBuffers, type StepEntry, StepInputs } from './step-inputs'

export interface EncoderInput {
  ids: number[]
  /** Token types, as many as ids; default: zeros. */
  types?: number[]
}

interface EncoderWorkspace extends Workspace, InputBuffers {
  pooled: GPUBuffer
  dense: GPUBuffer
  staging: GPUBuffer
}

/** Bytes of every buffer for batches of `tokens` tokens. Activations are f32: the encoders are small and norms follow every sum. */
export function encoderWorkspaceBytes(c: ModelConfig, tokens: number) {
  const blocks = encoderBlocks(tokens)
  return {
    hidden: tokens * c.hiddenDim * 4,
    branch: tokens * c.hiddenDim * 4,
    qkv: tokens * (c.heads + 2 * c.kvHeads) * paddedHeadDim(c) * 4,
    attention: tokens * c.heads * paddedHeadDim(c) * 4,
    feedForward: tokens * paddedFfnDim(c) * 4,
    activated: tokens * paddedFfnDim(c) * 4,
    ids: tokens * 4,
    positions: tokens * 4,
    types: tokens * 4,
    slots: tokens * 4,
    tables: blocks * 4,
    tiles: tokens * 32,
    spans: tokens * 8,
    pooled: tokens * c.hiddenDim * 4,
    dense: tokens * c.hiddenDim * 4,
    staging: tokens * c.hiddenDim * 4,
  }
}

/** Texts begin blocks of their own, and a batch counts whole ones. */
const encoderBlocks = (tokens: number): number => Math.ceil(tokens / blockTokens)

/** Tokens that a text takes of a batch. */
export const batchTokens = (input: EncoderInput): number => encoderBlocks(input.ids.length) * blockTokens

/** All that an encoder takes beside its weights: no cache that outlives a batch. */
export function encoderMemoryBytes(c: ModelConfig, tokens: number): number {
  const cache = encoderBlocks(tokens) * blockTokens * kvBytesPerToken(cacheShape(c))
  return Object.values(encoderWorkspaceBytes(c, tokens)).reduce((sum, bytes) => sum + bytes, cache)
}

/** A layer's keys and values are read by that layer alone: all layers share one. */
const cacheShape = (c: ModelConfig) => ({
  layers: 1,
  kvHeads: c.kvHeads,
  headDim: paddedHeadDim(c),
  kvType: 'f32' as const,
})

export class EncoderRunner {
  readonly model: Encoder
  /** Most tokens of a batch, each text's rounded up to whole blocks. */
  readonly maxTokens: number
  readonly recorder: Recorder
  private readonly gpu: Gpu
  private readonly workspace: EncoderWorkspace
  private readonly cache: KvCache
  private readonly inputs: StepInputs
  private readonly owned: readonly GPUBuffer[]

  private constructor(
    gpu: Gpu,
    model: Encoder,
    maxTokens: number,
    parts: { workspace: EncoderWorkspace; cache: KvCache; owned: GPUBuffer[] },
  ) {
    this.gpu = gpu
    this.model = model
    this.maxTokens = maxTokens
    this.workspace = parts.workspace
    this.cache = parts.cache
    this.owned = parts.owned
    this.inputs = new StepInputs(gpu, model.config, parts.workspace)
    this.recorder = new Recorder(gpu)
  }

  /** Throws out_of_memory and holds nothing then. */
  static async open(gpu: Gpu, model: Encoder, maxTokens: number): Promise<EncoderRunner> {
    const c = model.config
    const cache = await KvCache.allocate(gpu, cacheShape(c), encoderBlocks(maxTokens))
    const owned: GPUBuffer[] = []
    try {
      const entries: [string, GPUBuffer][] = []
      for (const [name, bytes] of Object.entries(encoderWorkspaceBytes(c, maxTokens))) {
        const usage = name === 'staging' ? GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST : storageUsage()
        const buffer = await gpu.allocate(`encoder ${name}`, bytes, usage)
        owned.push(buffer)
        entries.push([name, buffer])
      }
      const { tiles, ...buffers } = Object.fromEntries(entries) as Record<
        keyof ReturnType<typeof encoderWorkspaceBytes>,
        GPUBuffer
      >
      const none = buffers.spans
      const workspace = {
        ...buffers,
        tokens: maxTokens,
        tileBuffers: [none, tiles],
        // Post-norm blocks have no use for `normed`, learned positions none for angles, and whole texts none for split keys.
        normed: buffers.branch,
        anglesGlobal: none,
        anglesLocal: none,
        windowSpans: none,
        parts: none,
        none,
      }
      return new EncoderRunner(gpu, model, maxTokens, { workspace, cache, owned })
    } catch (error) {
      for (const buffer of owned) gpu.release(buffer)
      cache.release()
      throw error
    }
  }

  release(): void {
    for (const buffer of this.owned) this.gpu.release(buffer)
    this.cache.release()
    this.model.buffers.release()
  }

  /** One vector a text, [texts][hidden]. */
  async pooled(batch: EncoderInput[], mode: PoolingMode, normalize: boolean): Promise<Float32Array[]> {
    const spans = this.record(batch)
    this.recordPool(spans, mode, normalize)
    return this.download(this.workspace.pooled, batch.length)
  }

  /** Relevance logits of a cross-encoder, one a pair. */
  async ranked(batch: EncoderInput[]): Promise<number[]> {
    const { head } = this.model
    if (!head) throw new MoruError('unsupported', 'The model ranks no pairs: it has no classifier with one logit.')
    const spans = this.record(batch)
    this.recordPool(spans, 'cls', false)
    const { pooled, dense } = this.workspace
    head.dense?.run(
      { recorder: this.recorder },
      { x: pooled, y: dense, tokens: batch.length, input: 'f32', output: 'f32' },
    )
    const states = await this.download(head.dense ? dense : pooled, batch.length)
    const squash = head.dense ? Math.tanh : (v: number) => v
    return states.map((state) => state.reduce((sum, v, i) => sum + squash(v) * head.weights[i], head.bias))
  }

  /** The last hidden states of a text, [tokens][hidden]: for tests. */
  async hiddenStates(input: EncoderInput): Promise<Float32Array[]> {
    this.record([input])
    return this.download(this.workspace.hidden, input.ids.length)
  }

  private recordPool(spans: Uint32Array<ArrayBuffer>, mode: PoolingMode, normalize: boolean): void {
    const { hidden, pooled } = this.workspace
    const sequences = spans.length / 2
    const tokens = spans.reduce((sum, n, i) => (i % 2 === 1 ? sum + n : sum), 0)
    this.gpu.write(this.workspace.spans, 0, spans)
    const constants = { MODE: poolingModes[mode], NORMALIZE: normalize }
    const buffers = { x: hidden, spans: this.workspace.spans, y: pooled }
    this.recorder.run(pool, constants, buffers, { sequences, dim: this.model.config.hiddenDim, tokens })
  }

  private async download(buffer: GPUBuffer, rows: number): Promise<Float32Array[]> {
    const { hiddenDim } = this.model.config
    const bytes = rows * hiddenDim * 4
    this.recorder.copy(buffer, 0, this.workspace.staging, 0, bytes)
    this.recorder.submit()
    const all = await this.gpu.mapped(this.workspace.staging, bytes)
    this.gpu.bindings.trim()
    return Array.from(
      { length: rows },
      (_, i) => new Float32Array(all.slice(i * hiddenDim * 4, (i + 1) * hiddenDim * 4)),
    )
  }

  /** Uploads the batch and records all layers; returns first token and length of each text. */
  private record(batch: EncoderInput[]): Uint32Array<ArrayBuffer> {
    this.gpu.check()
    const spans = new Uint32Array(batch.length * 2)
    const entries: StepEntry[] = []
    let firstToken = 0
    let block = 0
    for (const [text, { ids, types }] of batch.entries()) {
      spans.set([firstToken, ids.length], text * 2)
      firstToken += ids.length
      const blocks = Array.from({ length: encoderBlocks(ids.length) }, () => block++)
      entries.push({ ids, types, position: 0, blocks, logits: 'none' })
    }
    if (block > encoderBlocks(this.maxTokens))
      throw new MoruError('internal', `A batch of ${block} blocks passes the workspace of ${this.maxTokens} tokens.`)
    const { inputs } = this.inputs.upload(entries)
    this.model.forward({
      gpu: this.gpu,
      recorder: this.recorder,
      workspace: this.workspace,
      cache: this.cache.sharedBy(this.model.config.layers),
      activations: 'f32',
      kvType: 'f32',
      ...inputs,
    })
    return spans
  }
}
