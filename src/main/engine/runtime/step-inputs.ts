/** Uploads a ragged batch: tokens, positions, block tables, rotary angles, and which workgroup attends to what. */
import { MoruError } from '../../../shared/errors'
import { type Gpu } from '../device/gpu'
import { blockTokens } from '../kernels/attention'
import { type AttentionTiles, type Step, type StepInputs as UploadedInputs } from '../layers/step'
import { type ModelConfig, type RopeConfig } from '../models/config'
import { isEncoder } from '../models/load-decoder'
import { paddedHeadDim } from '../models/padding'
import { encoderRows, planTiles, tileShapes, type TileEntry, type TileShape } from './attention-tiles'
import { angleMagnitude, paddedFrequencies, ropeAngles } from './rope-angles'
import { type StepWorkspace } from './workspace'

/** One sequence's share of a step. */
export interface StepEntry {
  /** Tokens to compute, which follow `position` tokens whose keys and values are cached. */
  ids: number[]
  /** Token types, as many as ids; default: zeros. */
  types?: number[]
  position: number
  /** Blocks for all tokens up to and including these. */
  blocks: number[]
  /** Whose logits are wanted. */
  logits: 'none' | 'last' | 'all'
}

export interface UploadedStep {
  inputs: UploadedInputs
  /** Token indices whose logits are wanted. */
  rows: number[]
}

/** The buffers that inputs are written to. */
export type InputBuffers = Pick<
  StepWorkspace,
  | 'tokens'
  | 'ids'
  | 'positions'
  | 'types'
  | 'slots'
  | 'tables'
  | 'anglesGlobal'
  | 'anglesLocal'
  | 'spans'
  | 'windowSpans'
  | 'tileBuffers'
>

export class StepInputs {
  private readonly gpu: Gpu
  private readonly config: ModelConfig
  private readonly workspace: InputBuffers
  /** Every token sees its whole text; texts come whole. */
  private readonly bidirectional: boolean
  private readonly shapes: { decode: TileShape; prefill: TileShape }
  private readonly frequencies: { global: number[] | null; local: number[] | null }

  constructor(gpu: Gpu, config: ModelConfig, workspace: InputBuffers) {
    this.gpu = gpu
    this.config = config
    this.workspace = workspace
    this.bidirectional = isEncoder(config.architecture)
    const rows = this.bidirectional ? encoderRows(gpu.profile.lanes) : undefined
    this.shapes = tileShapes(config.heads / config.kvHeads, paddedHeadDim(config), rows)
    this.frequencies = {
      global: config.rope && paddedFrequencies(config.rope),
      local: config.localRope && paddedFrequencies(config.localRope),
    }
  }

  /** Entries of one token must come first (but for encoders): what attention splits over keys is joined by token index. */
  upload(entries: StepEntry[]): UploadedStep {
    const tokens = this.check(entries)
    const ids = new Uint32Array(tokens)
    const positions = new Uint32Array(tokens)
    const types = new Uint32Array(tokens)
    const slots = new Uint32Array(tokens)
    const tables: number[] = []
    const rows: number[] = []
    const tileEntries: TileEntry[] = []
    let at = 0
    for (const { ids: own, types: ownTypes, position: start, blocks, logits } of entries) {
      tileEntries.push({ firstToken: at, count: own.length, position: start, table: tables.length })
      for (const block of blocks) tables.push(block)
      for (let i = 0; i < own.length; i++, at++) {
        const position = start + i
        ids[at] = own[i]
        positions[at] = position
        types[at] = ownTypes?.[i] ?? 0
        slots[at] = blocks[Math.floor(position / blockTokens)] * blockTokens + (position % blockTokens)
        if (logits === 'all' || (logits === 'last' && i === own.length - 1)) rows.push(at)
      }
    }
    this.write(ids, positions, slots, new Uint32Array(tables))
    const w = this.workspace
    if (this.bidirectional) this.gpu.write(w.types, 0, types)
    return {
      inputs: {
        tokens,
        ids: w.ids,
        positions: w.positions,
        types: w.types,
        slots: w.slots,
        tables: w.tables,
        angles: { global: w.anglesGlobal, local: w.anglesLocal },
        tiles: this.uploadTiles(tileEntries),
        spans: w.spans,
      },
      rows,
    }
  }

  private check(entries: StepEntry[]): number {
    const tokens = entries.reduce((sum, e) => sum + e.ids.length, 0)
    if (tokens > this.workspace.tokens)
      throw new MoruError('internal', `A step of ${tokens} tokens passes the workspace of ${this.workspace.tokens}.`)
    if (this.bidirectional) return tokens
    const firstRun = entries.findIndex((e) => e.ids.length > 1)
    if (firstRun >= 0 && entries.slice(firstRun).some((e) => e.ids.length === 1))
      throw new MoruError('internal', 'An entry of one token came after longer ones.')
    return tokens
  }

  private write(
    ids: Uint32Array<ArrayBuffer>,
    positions: Uint32Array<ArrayBuffer>,
    slots: Uint32Array<ArrayBuffer>,
    tables: Uint32Array<ArrayBuffer>,
  ): void {
    const { gpu, workspace: w, frequencies } = this
    const { rope, localRope } = this.config
    gpu.write(w.ids, 0, ids)
    gpu.write(w.positions, 0, positions)
    gpu.write(w.slots, 0, slots)
    gpu.write(w.tables, 0, tables)
    const angles = (of: number[], by: RopeConfig) => ropeAngles(of, positions, angleMagnitude(by))
    if (frequencies.global && rope) gpu.write(w.anglesGlobal, 0, angles(frequencies.global, rope))
    if (frequencies.local && localRope) gpu.write(w.anglesLocal, 0, angles(frequencies.local, localRope))
  }

  private uploadTiles(entries: TileEntry[]): Step['tiles'] {
    const { slidingLayers, slidingWindow } = this.config
    const { tileBuffers, spans, windowSpans } = this.workspace
    const sliding = slidingLayers.some(Boolean)
    const full = slidingLayers.length === 0 || slidingLayers.some((s) => !s)
    return {
      full: full ? this.dispatches(entries, 0, tileBuffers.slice(0, 2), spans) : [],
      sliding: sliding ? this.dispatches(entries, slidingWindow ?? 0, tileBuffers.slice(2), windowSpans) : [],
    }
  }

  /** One dispatch for the entries of one token, one for longer ones; an encoder's are one kind. */
  private dispatches(entries: TileEntry[], window: number, buffers: GPUBuffer[], spans: GPUBuffer): AttentionTiles[] {
    const { bidirectional } = this
    const kinds = [
      { own: bidirectional ? [] : entries.filter((e) => e.count === 1), shape: this.shapes.decode },
      { own: bidirectional ? entries : entries.filter((e) => e.count > 1), shape: this.shapes.prefill },
    ]
    return kinds.flatMap(({ own, shape }, i) => {
      if (own.length === 0) return []
      const groups = this.config.heads / shape.headsPerTile
      const plan = planTiles(own, shape, window, groups, this.gpu.profile.parallelWorkgroups, { bidirectional })
      this.gpu.write(buffers[i], 0, plan.words)
      if (plan.partial) this.gpu.write(spans, 0, plan.spans)
      return [{ ...plan, buffer: buffers[i], count: plan.words.length / 8, windowSpans: spans }]
    })
  }
}
