/** A model on the GPU that answers requests: many at a time, step by step. */
import { type LoadSettings } from '../../../shared/contract/sampling'
import { MoruError, throwIfCancelled, toMoruError } from '../../../shared/errors'
import { type Gpu } from '../device/gpu'
import { blockTokens } from '../kernels/attention'
import { type ModelConfig } from '../models/config'
import { type ChatTemplate, type Tokenizer } from '../tokenizer/tokenizer'
import { BlockPool } from './block-pool'
import { type GenerateEvent, type GenerateRequest } from './generate'
import { type ModelRunner } from './model-runner'
import { Scheduler, type ScheduledStep } from './scheduler'
import { Sequence } from './sequence'
import { type StepEntry } from './step-inputs'
import { nowNs, type StepObserver } from './step-observer'
import { TokenRate } from './token-rate'

/** Tokens scored in one step: few enough to cancel within a second on a software adapter. */
const scoredTokens = 64

export interface LoadedModelParts {
  gpu: Gpu
  runner: ModelRunner
  tokenizer: Tokenizer
  template: ChatTemplate | null
  loadMs: number
}

export class LoadedModel {
  stepObserver: StepObserver | null = null
  readonly tokenizer: Tokenizer
  /** null: the model has none, and none fits its vocabulary. */
  readonly template: ChatTemplate | null
  readonly loadMs: number
  readonly runner: ModelRunner
  readonly gpu: Gpu
  private readonly pool: BlockPool
  private readonly scheduler: Scheduler
  /** Steps and scoring take turns. */
  private turn: Promise<void> = Promise.resolve()
  private pumping = false
  private closed: MoruError | null = null
  private closing: Promise<void> | null = null
  /** Ends when the work that wants the model alone is done. */
  private lone: Promise<void> | null = null
  private readonly rate = new TokenRate()

  constructor(parts: LoadedModelParts) {
    this.gpu = parts.gpu
    this.runner = parts.runner
    this.tokenizer = parts.tokenizer
    this.template = parts.template
    this.loadMs = parts.loadMs
    this.pool = new BlockPool(parts.runner.options.blocks)
    this.scheduler = new Scheduler(this.pool, this.contextLength, parts.runner.maxTokens)
  }

  get config(): ModelConfig {
    return this.runner.model.config
  }

  /** Tokens a sequence may hold. */
  get contextLength(): number {
    return this.runner.options.contextLength
  }

  /** What it was loaded with: f32 where the device lacks 16-bit floats, whatever was asked for. */
  get settings(): LoadSettings & { contextLength: number } {
    const { activations, kvType } = this.runner.options
    return { contextLength: this.contextLength, computeType: activations, kvType }
  }

  get status(): { generating: boolean; tokensPerSecond: number | null; kvBlocksUsed: number; kvBlocksTotal: number } {
    return {
      generating: !this.scheduler.idle,
      tokensPerSecond: this.scheduler.idle ? null : this.rate.perSecond,
      kvBlocksUsed: this.pool.used,
      kvBlocksTotal: this.pool.size,
    }
  }

  /** Blocks of the cache by what they are for; shared ones are used ones too. */
  get kvBlocks(): { used: number; shared: number; kept: number; total: number } {
    return { used: this.pool.used, shared: this.pool.shared, kept: this.pool.kept, total: this.pool.size }
  }

  /**
   * Continues a prompt. Cancelling by the request's signal ends with 'cancelled' at once; what the GPU has begun, a step, it ends.
   * The same request with the same seed gives the same text, whatever was cached, while nothing else runs. Beside others the
   * sums of a step are rounded in another order (1e-6 of a logit in f32), which changes a token only in a near tie.
   * Throws invalid_input (empty prompt, ids outside the vocabulary), context_full (the prompt leaves no room), device_lost, out_of_memory.
   */
  async *generate(request: GenerateRequest): AsyncGenerator<GenerateEvent> {
    await this.admitted(request.signal)
    yield* this.run(request)
  }

  /**
   * Runs `work` with nobody else: what is asked of the model meanwhile waits. Beginnings that were cached are forgotten before and
   * after. Throws busy while the model answers.
   */
  async alone<T>(work: (generate: LoadedModel['generate']) => Promise<T>): Promise<T> {
    if (this.lone || !this.scheduler.idle)
      throw new MoruError('busy', 'The model is answering; measuring needs it alone. Try again when it is done.')
    const { promise, resolve } = Promise.withResolvers<void>()
    this.lone = promise
    this.pool.forgetAll()
    try {
      return await work((request) => this.run(request))
    } finally {
      this.pool.forgetAll()
      this.lone = null
      resolve()
    }
  }

  /** Beginnings of earlier requests are computed anew. */
  forgetPrefixes(): void {
    this.pool.forgetAll()
  }

  /** Resolves when the step in progress, if any, is over. */
  async settled(): Promise<void> {
    await this.turn
  }

  private async admitted(signal: AbortSignal | undefined): Promise<void> {
    while (this.lone && !signal?.aborted)
      await Promise.race([this.lone, new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }))]) // prettier-ignore
  }

  private async *run(request: GenerateRequest): AsyncGenerator<GenerateEvent> {
    this.check(request.promptIds)
    if (request.promptIds.length >= this.contextLength)
      throw this.contextFull(
        request.promptIds.length,
        `The prompt has ${request.promptIds.length} tokens; the context holds ${this.contextLength}, the answer included.`,
      )
    const sequence = new Sequence(request, this.tokenizer)
    this.scheduler.add(sequence)
    void this.pump()
    try {
      yield* sequence.follow()
    } finally {
      // A caller that stops listening does not keep the GPU busy.
      sequence.cancel()
    }
  }

  /**
   * Negative log-likelihood in nats of ids[1], ids[2], ... given what is before them; nothing is added to ids.
   * Waits its turn for room in the cache when requests hold it. Throws context_full, invalid_input, cancelled.
   */
  async score(
    ids: number[],
    options: { signal?: AbortSignal; onProgress?: (done: number) => void } = {},
  ): Promise<Float32Array> {
    const out = new Float32Array(Math.max(0, ids.length - 1))
    const losses = (entry: StepEntry) =>
      this.runner.losses([entry], ids.slice(entry.position + 1, entry.position + 1 + entry.ids.length))
    let done = 0
    for await (const found of this.inTurns(ids, out.length, losses, options.signal)) {
      out.set(found, done)
      done += found.length
      options.onProgress?.(done)
    }
    return out
  }

  /**
   * Logits after each of the ids, given what is before it, some tokens at a time: [tokens][vocab], valid until the next is asked for.
   * Waits its turn for room in the cache. Throws context_full, invalid_input, cancelled.
   */
  predict(ids: number[], signal?: AbortSignal): AsyncGenerator<Float32Array[]> {
    return this.inTurns(ids, ids.length, (entry) => this.runner.logits([entry]), signal)
  }

  /** What `compute` finds for the first `count` of the ids, few at a time, in turn with the steps of requests. */
  private async *inTurns<T>(
    ids: number[],
    count: number,
    compute: (entry: StepEntry) => Promise<T>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<T> {
    await this.admitted(signal)
    this.checkLength(ids)
    const blocks = await this.scheduler.hold(Math.ceil(count / blockTokens), signal)
    try {
      for (let first = 0; first < count; first += scoredTokens) {
        throwIfCancelled(signal)
        const own = ids.slice(first, Math.min(first + scoredTokens, count))
        const entry: StepEntry = { ids: own, position: first, blocks, logits: 'all' }
        yield await this.exclusive(() => compute(entry))
      }
    } finally {
      this.scheduler.giveBack(blocks)
    }
  }

  /** Ends all requests with `reason` and frees the GPU's memory once the step in progress is over. */
  close(reason: MoruError): Promise<void> {
    this.closed ??= reason
    return (this.closing ??= this.turn.then(() => {
      this.scheduler.fail(reason)
      this.runner.release()
      this.runner.model.buffers.release()
    }))
  }

  private check(ids: number[]): void {
    if (this.closed) throw this.closed
    this.gpu.check()
    if (ids.length === 0)
      throw new MoruError('invalid_input', 'The prompt is empty: a model continues at least one token.')
    const wrong = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= this.config.vocabSize)
    if (wrong !== undefined)
      throw new MoruError('invalid_input', `Token id ${wrong} is outside the vocabulary of ${this.config.vocabSize}.`)
  }

  private checkLength(ids: number[]): void {
    this.check(ids)
    if (ids.length <= this.contextLength) return
    throw this.contextFull(ids.length, `${ids.length} tokens to score; the context holds ${this.contextLength}.`)
  }

  private contextFull(promptTokens: number, message: string): MoruError {
    return new MoruError('context_full', message, { details: { promptTokens, contextLength: this.contextLength } })
  }

  private exclusive<T>(work: () => Promise<T>): Promise<T> {
    const run = this.turn.then(() => {
      if (this.closed) throw this.closed
      return work()
    })
    this.turn = run.then(
      () => undefined,
      () => undefined,
    )
    return run
  }

  private async pump(): Promise<void> {
    if (this.pumping) return
    this.pumping = true
    try {
      while (!this.scheduler.idle && !this.closed) {
        await this.exclusive(() => this.step())
        // One that comes or goes during the turn has nothing to do with it.
        const observer = this.stepObserver
        const beginNs = observer ? nowNs() : 0
        // Lets readers of the events, cancellation and new requests in between steps.
        await new Promise((resolve) => setImmediate(resolve))
        if (observer === this.stepObserver) observer?.turned(beginNs, nowNs())
      }
    } catch (error) {
      this.scheduler.fail(toMoruError(error))
    } finally {
      this.pumping = false
    }
  }

  private async step(): Promise<void> {
    const beginNs = nowNs()
    const step = this.scheduler.next()
    if (!step) return
    const requests = step.sequences.map((s, i) => (step.entries[i].logits === 'last' ? s.sampleRequest() : null))
    const found = await this.runner.sample(step.entries, requests)
    const endNs = nowNs()
    this.scheduler.computed(step, (endNs - beginNs) / 1e6)
    await this.stepObserver?.computed({ beginNs, endNs, prefill: step.entries.some((e) => e.ids.length > 1) })
    const chooseNs = this.stepObserver ? nowNs() : 0
    await this.choose(step, found)
    this.scheduler.retire()
    this.stepObserver?.chosen(chooseNs, nowNs())
  }

  private async choose(step: ScheduledStep, found: Awaited<ReturnType<ModelRunner['sample']>>): Promise<void> {
    let row = 0
    for (const [i, sequence] of step.sequences.entries()) {
      const candidates = found[i]
      if (!candidates) continue
      const own = row++
      if (sequence.finishReason) continue
      if (!Number.isFinite(candidates.logSumExp)) {
        sequence.fail(this.notNumbers())
        continue
      }
      const chosen =
        sequence.choose(candidates) ?? sequence.choose(await this.runner.allCandidates(own, candidates.logSumExp))
      if (!chosen) throw new MoruError('internal', 'No token could be chosen from all candidates.')
      // It may have been cancelled while all candidates were read.
      if (sequence.finishReason) continue
      sequence.accept(chosen, this.contextLength)
      this.rate.count()
    }
  }

  private notNumbers(): MoruError {
    const remedy =
      this.settings.computeType === 'f16'
        ? 'Its activations are too large for 16-bit floats: load it with 32-bit compute.'
        : 'Its weights are damaged, or the file is not what it says.'
    return new MoruError('unsupported', `The model’s logits are not numbers. ${remedy}`)
  }
}
