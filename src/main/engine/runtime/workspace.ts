/** Buffers a model's steps work in, allocated once for the largest step. */
import { storageUsage, type Gpu } from '../device/gpu'
import { logitSlices, topKCapacity } from '../kernels/logits'
import { type ActivationType, type Workspace } from '../layers/step'
import { type ModelConfig } from '../models/config'
import { paddedFfnDim, paddedHeadDim, paddedRopeDim } from '../models/padding'

/** Rows of logits computed at a time; 64 rows of 32-bit inputs begin at a multiple of 256 bytes, as bindings must. */
export const logitRows = 64

/** Tiles of one-token and longer entries, for layers that see everything and for those with a window. */
export const tileBufferCount = 4

export interface StepWorkspace extends Workspace {
  ids: GPUBuffer
  positions: GPUBuffer
  types: GPUBuffer
  slots: GPUBuffer
  tables: GPUBuffer
  anglesGlobal: GPUBuffer
  anglesLocal: GPUBuffer
  /** Parts of each token whose keys were split: for layers that see everything, and for those with a window. */
  spans: GPUBuffer
  windowSpans: GPUBuffer
  tileBuffers: GPUBuffer[]
  rows: GPUBuffer
  gathered: GPUBuffer
  headInput: GPUBuffer
  logits: GPUBuffer
  changes: GPUBuffer
  slices: GPUBuffer
  thresholds: GPUBuffer
  counts: GPUBuffer
  candidates: GPUBuffer
  targets: GPUBuffer
  losses: GPUBuffer
  staging: GPUBuffer
}

export interface WorkspaceSizes {
  tokens: number
  blocks: number
  contextLength: number
  activations: ActivationType
}

/** Logits of a row, padded so that rows begin at a vec4. */
export const vocabStride = (c: ModelConfig): number => Math.ceil(c.vocabSize / 4) * 4

/** Bytes of every buffer by name. */
export function workspaceBytes(
  c: ModelConfig,
  s: WorkspaceSizes,
): Record<Exclude<keyof StepWorkspace, 'tokens' | 'tileBuffers' | 'none'>, number> & { tiles: number } {
  const act = s.activations === 'f16' ? 2 : 4
  const gated = c.activation === 'silu' || c.architecture === 'gemma3'
  const headDim = paddedHeadDim(c)
  const ffnDim = paddedFfnDim(c)
  const heads = c.heads * headDim
  const ropeDim = Math.max(paddedRopeDim(c.rope?.dim ?? 0), paddedRopeDim(c.localRope?.dim ?? 0), 4)
  // Tiles are split until there are as many as the device has workgroups (256 at most), and then rounded up by one a token.
  const parts = s.tokens + 256
  const stride = vocabStride(c)
  return {
    hidden: s.tokens * c.hiddenDim * 4,
    normed: s.tokens * c.hiddenDim * act,
    qkv: s.tokens * (heads + 2 * c.kvHeads * headDim) * act,
    attention: s.tokens * heads * act,
    feedForward: s.tokens * ffnDim * (gated ? 2 : 1) * act,
    activated: s.tokens * ffnDim * act,
    branch: s.tokens * c.hiddenDim * 4,
    parts: parts * c.heads * (headDim + 4) * 4,
    ids: s.tokens * 4,
    positions: s.tokens * 4,
    types: s.tokens * 4,
    slots: s.tokens * 4,
    // Sequences of a step may share blocks, and every table is written out.
    tables: (s.blocks + s.tokens + Math.ceil(s.contextLength / 16) * logitRows) * 4,
    anglesGlobal: s.tokens * ropeDim * 4,
    anglesLocal: s.tokens * ropeDim * 4,
    spans: s.tokens * 8,
    windowSpans: s.tokens * 8,
    tiles: parts * 32,
    rows: s.tokens * 4,
    gathered: logitRows * c.hiddenDim * 4,
    headInput: logitRows * c.hiddenDim * 4,
    logits: logitRows * stride * 4,
    changes: Math.min(logitRows * stride, 65_536) * 16,
    slices: logitRows * logitSlices * 16,
    thresholds: logitRows * 4,
    counts: logitRows * 4,
    candidates: logitRows * topKCapacity * 8,
    targets: s.tokens * 4,
    losses: s.tokens * 4,
    staging: logitRows * (logitSlices * 16 + 4 + topKCapacity * 8) + s.tokens * 4 + stride * 4,
  }
}

export async function openWorkspace(
  gpu: Gpu,
  c: ModelConfig,
  s: WorkspaceSizes,
): Promise<{ workspace: StepWorkspace; release: () => void }> {
  const owned: GPUBuffer[] = []
  const release = () => owned.forEach((buffer) => gpu.release(buffer))
  const allocate = async (name: string, bytes: number, usage?: number) => {
    const buffer = await gpu.allocate(`workspace ${name}`, bytes, usage)
    owned.push(buffer)
    return buffer
  }
  try {
    const { tiles, ...sizes } = workspaceBytes(c, s)
    const entries: [string, GPUBuffer][] = []
    for (const [name, bytes] of Object.entries(sizes)) {
      const usage = name === 'staging' ? GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST : storageUsage()
      entries.push([name, await allocate(name, bytes, usage)])
    }
    const tileBuffers: GPUBuffer[] = []
    for (let i = 0; i < tileBufferCount; i++) tileBuffers.push(await allocate(`tiles ${i}`, tiles))
    const buffers = Object.fromEntries(entries) as Record<keyof typeof sizes, GPUBuffer>
    return { workspace: { ...buffers, tileBuffers, tokens: s.tokens, none: await allocate('none', 16) }, release }
  } catch (error) {
    release()
    throw error
  }
}
