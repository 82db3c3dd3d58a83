/**
 * What a change of one block does to the predictions of a whole model: the hidden states before the block are kept, and only what comes
 * after is computed again. Holds the model's weights on the GPU, and one set of logits on the host.
 */
import { storageUsage, type Gpu } from '../device/gpu'
import { blockTokens } from '../kernels/attention'
import { type WeightFile } from '../formats/weight-file'
import { type Step } from '../layers/step'
import { type ModelConfig } from '../models/config'
import { loadBlock, loadEnds, type LoadedPart } from '../models/load-decoder'
import { ModelRunner } from '../runtime/model-runner'
import { type StepEntry } from '../runtime/step-inputs'
import { divergence } from './divergence'
import { type Pace } from './pace'

interface Parts {
  gpu: Gpu
  config: ModelConfig
  blocks: LoadedPart[]
  entries: StepEntry[]
  /** Hidden states before the block in turn, f32 [tokens, hidden]: the original's, and those of the model with all blocks before it changed. */
  before: { original: GPUBuffer; changed: GPUBuffer }
  runner: ModelRunner
  /** What the runner runs. */
  program: { run: (step: Step) => void }
  pace: Pace
}

export class DivergenceProbe {
  private readonly parts: Parts
  private readonly bytes: number
  private readonly releases: (() => void)[]
  /** Logits of the model as it is, [tokens][vocab]. */
  private original: Float32Array[] = []
  private layer = 0

  private constructor(parts: Parts, releases: (() => void)[]) {
    this.parts = parts
    this.releases = releases
    this.bytes = parts.entries.reduce((sum, e) => sum + e.ids.length, 0) * parts.config.hiddenDim * 4
  }

  /** `windows`: token ids, 512 in all at most. Throws what loading throws, cancelled; then holds nothing. */
  static async open(
    gpu: Gpu,
    file: WeightFile,
    config: ModelConfig,
    windows: readonly number[][],
    { pace, signal }: { pace: Pace; signal?: AbortSignal },
  ): Promise<DivergenceProbe> {
    const releases: (() => void)[] = []
    try {
      const ends = await loadEnds(gpu, file, config, { signal })
      releases.push(() => ends.buffers.release())
      const blocks: LoadedPart[] = []
      for (let layer = 0; layer < config.layers; layer++) {
        const block = await loadBlock(gpu, file, config, layer, { signal })
        releases.push(() => block.buffers.release())
        blocks.push(block)
      }
      const bytes = windows.reduce((sum, ids) => sum + ids.length, 0) * config.hiddenDim * 4
      const state = async (label: string) => {
        const buffer = await gpu.allocate(label, bytes, storageUsage())
        releases.push(() => gpu.release(buffer))
        return buffer
      }
      const before = { original: await state('hidden states'), changed: await state('hidden states, changed') }
      const entries = entriesOf(windows)
      const program: Parts['program'] = { run: () => undefined }
      const runner = await openRunner(gpu, config, ends, entries, program)
      releases.push(() => runner.release())
      const probe = new DivergenceProbe({ gpu, config, blocks, entries, before, runner, program, pace }, releases)
      await probe.begin(ends)
      return probe
    } catch (error) {
      for (const release of releases.reverse()) release()
      throw error
    }
  }

  /** Mean KL divergence over all tokens, in nats, of the original from the model whose block in turn is that of `changed`. Throws cancelled. */
  async measure(changed: WeightFile): Promise<number> {
    const { gpu, config, blocks, before } = this.parts
    const block = await loadBlock(gpu, changed, config, this.layer)
    try {
      return await this.diverged((step) => {
        this.restore(step, before.original)
        block.run(step)
        for (const { run } of blocks.slice(this.layer + 1)) run(step)
      })
    } finally {
      block.buffers.release()
    }
  }

  /** On to the next block. `changed`: the block as it stands in the model that has all its blocks changed. */
  async advance(changed: WeightFile): Promise<void> {
    const { gpu, config, blocks, before } = this.parts
    const block = await loadBlock(gpu, changed, config, this.layer)
    try {
      await this.step((step) => {
        this.restore(step, before.changed)
        block.run(step)
        this.keep(step, before.changed)
        this.restore(step, before.original)
        blocks[this.layer].run(step)
        this.keep(step, before.original)
      })
    } finally {
      block.buffers.release()
    }
    this.layer++
  }

  /** As `measure`, of the model with all blocks changed; after the last one. */
  changedDivergence(): Promise<number> {
    return this.diverged((step) => this.restore(step, this.parts.before.changed))
  }

  async close(): Promise<void> {
    await this.parts.gpu.idle().catch(() => undefined)
    for (const release of this.releases.reverse()) release()
  }

  private async begin(ends: LoadedPart): Promise<void> {
    const { entries, blocks, before, program, runner } = this.parts
    program.run = (step) => {
      ends.run(step)
      this.keep(step, before.original)
      this.keep(step, before.changed)
      for (const { run } of blocks) run(step)
    }
    this.original = await runner.logits(entries)
  }

  private async step(run: (step: Step) => void): Promise<void> {
    const { entries, program, runner } = this.parts
    program.run = run
    const silent = entries.map((entry) => ({ ...entry, logits: 'none' as const }))
    await runner.sample(
      silent,
      silent.map(() => null),
    )
  }

  private async diverged(run: (step: Step) => void): Promise<number> {
    const { entries, program, runner, pace } = this.parts
    program.run = run
    let sum = 0
    for (const [i, row] of (await runner.logits(entries)).entries()) {
      sum += divergence(this.original[i], row, null).kld
      await pace.rest()
    }
    return sum / this.original.length
  }

  private restore(step: Step, states: GPUBuffer): void {
    step.recorder.copy(states, 0, step.workspace.hidden, 0, this.bytes)
  }

  private keep(step: Step, states: GPUBuffer): void {
    step.recorder.copy(step.workspace.hidden, 0, states, 0, this.bytes)
  }
}

function openRunner(
  gpu: Gpu,
  config: ModelConfig,
  { finalNorm, head, buffers }: Awaited<ReturnType<typeof loadEnds>>,
  entries: StepEntry[],
  program: Parts['program'],
): Promise<ModelRunner> {
  const decoder = { config, buffers, finalNorm, head, forward: (step: Step) => program.run(step) }
  return ModelRunner.open(gpu, decoder, {
    activations: 'f32',
    kvType: 'f32',
    contextLength: Math.max(...entries.map((e) => e.ids.length)),
    blocks: entries.reduce((sum, e) => sum + e.blocks.length, 0),
  })
}

/** Each window in blocks of its own. */
function entriesOf(windows: readonly number[][]): StepEntry[] {
  let next = 0
  return windows.map((ids) => {
    const blocks = Array.from({ length: Math.ceil(ids.length / blockTokens) }, () => next++)
    return { ids, position: 0, blocks, logits: 'all' }
  })
}
