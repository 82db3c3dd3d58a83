/** One request on its way through the engine: its tokens, its blocks, and how far it has got. */
import { type FinishReason, type TokenDetail } from '../../../shared/contract/sampling'
import { readableToken } from '../tokenizer/readable-token'
import { StreamDecoder } from '../tokenizer/stream-decoder'
import { type Tokenizer } from '../tokenizer/tokenizer'
import { type GenerateEvent, type GenerateRequest } from './generate'
import { type Candidates, draw, keptCandidates, logitChanges, randomSource, candidatesNeeded } from './sampling'
import { type SampleRequest } from './model-runner'
import { StopTexts } from './stop-texts'

export class Sequence {
  readonly request: GenerateRequest
  /** Prompt and answer. */
  readonly ids: number[]
  readonly promptTokens: number
  /** Tokens whose keys and values are cached. */
  computed = 0
  cachedTokens = 0
  blocks: number[] = []
  /** Prefix name of the blocks published so far. */
  prefix = ''
  published = 0
  finishReason: FinishReason | null = null
  readonly events: GenerateEvent[] = []
  private readonly tokenizer: Tokenizer
  private readonly decoder: StreamDecoder
  private readonly stops: StopTexts
  private readonly random: () => number
  private readonly submittedAt = performance.now()
  private prefillStartedAt: number | null = null
  private firstTokenAt: number | null = null
  private lastTokenAt = 0
  private wake: (() => void) | null = null
  private failure: Error | null = null

  constructor(request: GenerateRequest, tokenizer: Tokenizer) {
    this.request = request
    this.tokenizer = tokenizer
    this.ids = [...request.promptIds]
    this.promptTokens = request.promptIds.length
    this.decoder = new StreamDecoder(tokenizer)
    this.stops = new StopTexts(request.sampling.stop)
    this.random = randomSource(request.sampling.seed ?? Math.floor(Math.random() * 2 ** 32))
    // Who cancels does not wait for the step in progress; the scheduler takes the blocks back after it.
    if (request.signal?.aborted) this.cancel()
    else request.signal?.addEventListener('abort', this.cancel, { once: true })
  }

  /** Ends the request as 'cancelled', at once. */
  readonly cancel = (): void => this.finish('cancelled')

  get answerIds(): number[] {
    return this.ids.slice(this.promptTokens)
  }

  /** Most tokens this request can come to hold. */
  get reservedTokens(): number {
    return this.promptTokens + this.request.sampling.maxTokens
  }

  started(): void {
    this.prefillStartedAt ??= performance.now()
  }

  progressed(): void {
    if (this.computed < this.promptTokens) this.emit({ kind: 'prefill', done: this.computed, total: this.promptTokens })
  }

  sampleRequest(): SampleRequest {
    const { sampling, logprobs } = this.request
    const changes = logitChanges(sampling, this.request.promptIds, this.ids.slice(this.promptTokens))
    return { changes, topK: Math.max(candidatesNeeded(sampling), logprobs ?? 1) }
  }

  /** Chooses the next token; null when more candidates are needed to tell. */
  choose(candidates: Candidates): { id: number; detail: TokenDetail | null } | null {
    const { sampling, logprobs } = this.request
    const kept = sampling.temperature === 0 ? [0] : keptCandidates(candidates, sampling)
    if (!kept) return null
    const chosen = draw(candidates, kept, sampling.temperature, this.random)
    return { id: candidates.ids[chosen], detail: logprobs === null ? null : this.detail(candidates, chosen, logprobs) }
  }

  /** Takes a chosen token: text, stop conditions, events. `limit`: tokens the sequence may hold. */
  accept({ id, detail }: { id: number; detail: TokenDetail | null }, limit: number): void {
    const now = performance.now()
    this.firstTokenAt ??= now
    this.lastTokenAt = now
    this.ids.push(id)
    const ended = this.tokenizer.endIds.has(id)
    const { text, stopped } = ended ? { text: '', stopped: false } : this.stops.push(this.decoder.push([id]))
    this.emit({ kind: 'token', id, text, detail })
    if (ended || stopped) this.finish('stop', stopped)
    else if (this.ids.length - this.promptTokens >= this.request.sampling.maxTokens) this.finish('length')
    else if (this.ids.length >= limit) this.finish('context_full')
  }

  /** Ends the request; what was held back is given out, but not what belongs to a stop text. */
  finish(reason: FinishReason, stopped = false): void {
    if (this.finishReason) return
    this.end(reason)
    const text = stopped ? '' : this.stops.push(this.decoder.flush()).text + this.stops.flush()
    const answered = this.ids.length - this.promptTokens
    const prefillMs = (this.firstTokenAt ?? performance.now()) - (this.prefillStartedAt ?? this.submittedAt)
    const prefilled = Math.min(this.computed, this.promptTokens) - this.cachedTokens
    const decodeMs = this.firstTokenAt === null ? 0 : this.lastTokenAt - this.firstTokenAt
    this.emit({
      kind: 'finished',
      finishReason: reason,
      tokenIds: this.answerIds,
      text,
      usage: { promptTokens: this.promptTokens, cachedTokens: this.cachedTokens, completionTokens: answered },
      ttftMs: (this.firstTokenAt ?? performance.now()) - this.submittedAt,
      prefillTokensPerSecond: prefillMs > 0 ? (prefilled * 1000) / prefillMs : 0,
      decodeTokensPerSecond: decodeMs > 0 ? ((answered - 1) * 1000) / decodeMs : 0,
    })
  }

  /** Events as they come. Ends after 'finished'; throws what `fail` was given. */
  async *follow(): AsyncGenerator<GenerateEvent> {
    for (;;) {
      while (this.events.length > 0) {
        const event = this.events.shift()!
        yield event
        if (event.kind === 'finished') return
      }
      if (this.failure) throw this.failure
      await new Promise<void>((resolve) => (this.wake = resolve))
    }
  }

  /** Ends the request with an error; one that is over stays as it ended. */
  fail(error: Error): void {
    if (this.finishReason) return
    this.failure = error
    this.end('cancelled')
    this.wake?.()
  }

  private end(reason: FinishReason): void {
    this.finishReason = reason
    this.request.signal?.removeEventListener('abort', this.cancel)
  }

  private emit(event: GenerateEvent): void {
    this.events.push(event)
    this.wake?.()
    this.wake = null
  }

  private detail(c: Candidates, chosen: number, count: number): TokenDetail {
    const token = (i: number) => ({
      id: c.ids[i],
      text: readableToken(this.tokenizer, c.ids[i]),
      logprob: c.logits[i] - c.logSumExp,
    })
    const top = Array.from({ length: Math.min(count, c.ids.length) }, (_, i) => token(i))
    return { ...token(chosen), top }
  }
}
