/**
 * Windows of text on their way through a model, one block at a time: memory holds one block's weights and the windows' hidden
 * states, however large the model is. Activations are f32.
 */
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { type Gpu } from '../device/gpu'
import { blockTokens } from '../kernels/attention'
import { Recorder } from '../kernels/recorder'
import { KvCache } from '../layers/kv-cache'
import { type Step } from '../layers/step'
import { type WeightFile } from '../formats/weight-file'
import { type ModelConfig } from '../models/config'
import { isEncoder, loadBlock, loadEmbedding } from '../models/load-decoder'
import { type StepEntry, StepInputs } from '../runtime/step-inputs'
import { openWorkspace, type StepWorkspace } from '../runtime/workspace'
import { HostBuffer } from './dense-matrix'

/** What the matrices `names` read, f32 [tokens, cols]; `window`: the step's first. */
export type InputListener = (names: readonly string[], x: Float32Array, tokens: number, window: number) => Promise<void>

/** A part of a step: tokens [from, from + count) of a window. */
interface Share {
  window: number
  from: number
  count: number
}

export class BlockStream {
  readonly gpu: Gpu
  readonly recorder: Recorder
  readonly config: ModelConfig
  /** Most tokens of a step: what an InputListener gets at a time. */
  readonly stepTokens: number
  /** Hidden states before the next block, by window: f32 [tokens, hidden]. */
  hidden: Float32Array<ArrayBuffer>[]
  private readonly windows: readonly (readonly number[])[]
  private readonly steps: Share[][]
  private readonly workspace: StepWorkspace
  private readonly inputs: StepInputs
  private readonly kv: KvCache
  private readonly capture: HostBuffer
  private readonly releaseWorkspace: () => void

  private constructor(
    gpu: Gpu,
    config: ModelConfig,
    windows: readonly (readonly number[])[],
    parts: {
      steps: Share[][]
      workspace: StepWorkspace
      release: () => void
      kv: KvCache
      capture: HostBuffer
    },
  ) {
    this.gpu = gpu
    this.config = config
    this.windows = windows
    this.steps = parts.steps
    this.workspace = parts.workspace
    this.releaseWorkspace = parts.release
    this.kv = parts.kv
    this.capture = parts.capture
    this.stepTokens = parts.workspace.tokens
    this.recorder = new Recorder(gpu)
    this.inputs = new StepInputs(gpu, config, parts.workspace)
    this.hidden = windows.map((ids) => new Float32Array(ids.length * config.hiddenDim))
  }

  /** Windows from `heldOutFrom` on share no step with those before. Throws unsupported for heads that the kernels do not take, out_of_memory; then holds nothing. */
  static async open(
    gpu: Gpu,
    config: ModelConfig,
    windows: readonly (readonly number[])[],
    heldOutFrom = windows.length,
  ): Promise<BlockStream> {
    if (config.headDim % 16 !== 0)
      throw new MoruError('unsupported', `Heads of ${config.headDim} dimensions: Moru’s kernels need a multiple of 16.`)
    const longest = Math.max(...windows.map((ids) => ids.length))
    if (isEncoder(config.architecture) && longest > config.contextLength)
      throw new MoruError(
        'invalid_input',
        `The model takes ${config.contextLength} tokens at a time, less than a window of ${longest}. Choose shorter windows.`,
      )
    // An encoder's tokens see what follows them: its windows cannot come in parts.
    const tokens = isEncoder(config.architecture) ? Math.max(gpu.profile.stepTokens, longest) : gpu.profile.stepTokens
    const steps = planSteps(windows, tokens, heldOutFrom)
    const blocks = Math.ceil(longest / blockTokens) * Math.max(...steps.map((shares) => shares.length))
    const release: (() => void)[] = []
    try {
      const opened = await openWorkspace(gpu, config, { tokens, blocks, contextLength: longest, activations: 'f32' })
      release.push(opened.release)
      const { kvHeads, headDim } = config
      const kv = await KvCache.allocate(gpu, { layers: 1, kvHeads, headDim, kvType: 'f32' }, blocks)
      release.push(() => kv.release())
      const capture = await HostBuffer.open(gpu, 'inputs of a block', tokens * captureWidth(config))
      return new BlockStream(gpu, config, windows, { steps, ...opened, kv, capture })
    } catch (error) {
      for (const free of release) free()
      throw error
    }
  }

  /** The first block's inputs. Throws what loading throws, cancelled. */
  async embed(file: WeightFile, signal?: AbortSignal): Promise<void> {
    const { run, buffers } = await loadEmbedding(this.gpu, file, this.config, { signal })
    try {
      for (const shares of this.steps) {
        throwIfCancelled(signal)
        const step = this.begin(shares)
        run(step)
        await this.end(shares, true)
      }
    } finally {
      buffers.release()
    }
  }

  /**
   * Runs block `layer` of `file` over all windows. `advance`: the hidden states become those after it. `listener` hears of every
   * linear layer's inputs. Throws what loading throws, cancelled.
   */
  async run(
    file: WeightFile,
    layer: number,
    options: {
      advance: boolean
      listener?: InputListener
      windows?: (window: number) => boolean
      signal?: AbortSignal
    },
  ): Promise<void> {
    const { advance, listener, windows, signal } = options
    const { run, buffers } = await loadBlock(this.gpu, file, this.config, layer, { signal })
    try {
      for (const shares of this.steps) {
        if (windows && !windows(shares[0].window)) continue
        throwIfCancelled(signal)
        const step = this.begin(shares)
        const seen: { names: readonly string[]; offset: number; cols: number }[] = []
        let width = 0
        if (listener)
          step.tap = (linear, x, tokens) => {
            const floats = tokens * linear.cols
            this.recorder.copy(x, 0, this.capture.buffer, width * 4, floats * 4)
            seen.push({ names: linear.names, offset: width, cols: linear.cols })
            width += floats
          }
        run(step)
        if (listener) {
          const all = await this.capture.read(this.recorder, width)
          for (const { names, offset, cols } of seen)
            await listener(names, all.subarray(offset, offset + step.tokens * cols), step.tokens, shares[0].window)
        }
        await this.end(shares, advance)
      }
    } finally {
      buffers.release()
    }
  }

  /** Frees everything once the GPU is done with it. */
  async close(): Promise<void> {
    await this.gpu.idle().catch(() => undefined)
    this.kv.release()
    this.capture.release()
    this.releaseWorkspace()
  }

  private begin(shares: Share[]): Step {
    const { workspace: w, config } = this
    const blocksEach = Math.ceil(Math.max(...this.windows.map((ids) => ids.length)) / blockTokens)
    const entries = shares.map(({ window, from, count }, i): StepEntry => {
      const ids = this.windows[window].slice(from, from + count)
      const blocks = Array.from({ length: Math.ceil((from + count) / blockTokens) }, (_, b) => i * blocksEach + b)
      return { ids, position: from, blocks, logits: 'none' }
    })
    const { inputs } = this.inputs.upload(entries)
    let at = 0
    for (const { window, from, count } of shares) {
      const dim = config.hiddenDim
      this.gpu.write(w.hidden, at * dim * 4, this.hidden[window].subarray(from * dim, (from + count) * dim))
      at += count
    }
    return {
      gpu: this.gpu,
      recorder: this.recorder,
      workspace: w,
      cache: this.kv.sharedBy(config.layers),
      activations: 'f32',
      kvType: 'f32',
      ...inputs,
    }
  }

  private async end(shares: Share[], advance: boolean): Promise<void> {
    const dim = this.config.hiddenDim
    if (advance) {
      const tokens = shares.reduce((sum, s) => sum + s.count, 0)
      this.recorder.copy(this.workspace.hidden, 0, this.capture.buffer, 0, tokens * dim * 4)
      const all = await this.capture.read(this.recorder, tokens * dim)
      let at = 0
      for (const { window, from, count } of shares) {
        this.hidden[window].set(all.subarray(at * dim, (at + count) * dim), from * dim)
        at += count
      }
    } else {
      this.recorder.submit()
      await this.gpu.idle()
    }
    this.gpu.bindings.trim()
  }
}

/** As many whole windows as a step takes, or parts of one that is longer. */
function planSteps(windows: readonly (readonly number[])[], tokens: number, heldOutFrom: number): Share[][] {
  const steps: Share[][] = []
  let open: Share[] = []
  let room = tokens
  const close = () => {
    if (open.length > 0) steps.push(open)
    open = []
    room = tokens
  }
  windows.forEach(({ length }, window) => {
    if (length > room || window === heldOutFrom) close()
    for (let from = 0; from < length; from += tokens) {
      const count = Math.min(tokens, length - from)
      open.push({ window, from, count })
      room -= count
      if (length > tokens) close()
    }
  })
  close()
  return steps
}

/** Floats a token of everything that a block's linear layers read. */
const captureWidth = (c: ModelConfig): number => 2 * c.hiddenDim + c.heads * c.headDim + c.ffnDim
