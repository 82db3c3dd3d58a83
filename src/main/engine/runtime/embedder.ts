/** Embeddings and relevance of texts by an encoder on the GPU. */
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { type Tokenizer } from '../tokenizer/tokenizer'
import { batchTokens, type EncoderInput, type EncoderRunner } from './encoder-runner'
import { type SentenceSettings } from './sentence-settings'

export type TextKind = 'query' | 'passage' | 'plain'

export interface EmbedOptions {
  /** Which prefix the model wants before the texts. */
  kind?: TextKind
  /** Matryoshka (arXiv 2205.13147): only the first dimensions, normalised again. */
  dim?: number
  signal?: AbortSignal
  onProgress?: (done: number) => void
}

export interface EmbedderParts {
  runner: EncoderRunner
  tokenizer: Tokenizer
  settings: SentenceSettings
  loadMs: number
}

export class Embedder {
  readonly tokenizer: Tokenizer
  readonly settings: SentenceSettings
  readonly loadMs: number
  private readonly runner: EncoderRunner
  /** Batches of different callers take turns. */
  private turn: Promise<void> = Promise.resolve()
  private closed: MoruError | null = null

  constructor(parts: EmbedderParts) {
    this.runner = parts.runner
    this.tokenizer = parts.tokenizer
    this.settings = parts.settings
    this.loadMs = parts.loadMs
  }

  get dim(): number {
    return this.runner.model.config.hiddenDim
  }

  /** Most tokens of a text, special ones included; longer texts are cut. */
  get maxTokens(): number {
    return Math.min(this.settings.maxTokens ?? Infinity, this.runner.model.config.contextLength)
  }

  /** Special tokens that every text gets. */
  get specialTokens(): number {
    return this.tokenizer.encode('', { special: false, affixes: true }).length
  }

  get ranks(): boolean {
    return this.runner.model.head !== null
  }

  /** Tokens of a text without special ones. */
  countTokens(text: string): number {
    return this.tokenizer.encode(text, { special: false }).length
  }

  /** One vector a text, in their order; of unit length where the model says so. Throws cancelled, device_lost, invalid_input. */
  async embed(texts: string[], options: EmbedOptions = {}): Promise<Float32Array[]> {
    const { kind = 'plain', dim = this.dim } = options
    if (!Number.isInteger(dim) || dim < 1 || dim > this.dim)
      throw new MoruError('invalid_input', `The model has ${this.dim} dimensions; ${dim} cannot be kept.`)
    const prefix = kind === 'plain' ? '' : this.settings.prefixes[kind]
    const inputs = texts.map((text) => ({
      ids: this.cut(this.tokenizer.encode(prefix + text, { special: false, affixes: true })),
    }))
    const { pooling, normalize } = this.settings
    const vectors = await this.inBatches(inputs, (batch) => this.runner.pooled(batch, pooling, normalize), options)
    return dim === this.dim ? vectors : vectors.map((v) => shortened(v, dim, normalize))
  }

  /** Relevance logits of texts for a query. Throws unsupported where the model is no cross-encoder. */
  async rank(
    query: string,
    texts: string[],
    options: Pick<EmbedOptions, 'signal' | 'onProgress'> = {},
  ): Promise<number[]> {
    if (!this.ranks)
      throw new MoruError('unsupported', 'The model is no cross-encoder: it has no classifier with one logit.')
    const first = this.tokenizer.encode(query, { special: false })
    const inputs = texts.map((text) => this.pair(first, this.tokenizer.encode(text, { special: false })))
    return this.inBatches(inputs, (batch) => this.runner.ranked(batch), options)
  }

  /** Frees the GPU's memory once the batch in progress is over; later calls throw `reason`. */
  async close(reason: MoruError): Promise<void> {
    if (this.closed) return
    this.closed = reason
    await this.exclusive(async () => this.runner.release())
  }

  /** Keeps the closing special token, as transformers' truncation does. */
  private cut(ids: number[]): number[] {
    if (ids.length <= this.maxTokens) return ids
    const closing = this.tokenizer.isControl(ids[ids.length - 1]) ? ids.slice(-1) : []
    return [...ids.slice(0, this.maxTokens - closing.length), ...closing]
  }

  /** [CLS] a [SEP] b [SEP] with types 0 and 1; RoBERTa writes two separators between and knows one type. The longer text is cut. */
  private pair(a: number[], b: number[]): EncoderInput {
    const [start, ...ends] = this.tokenizer.encode('', { special: false, affixes: true })
    const end = ends.at(-1)
    if (start === undefined || end === undefined)
      throw new MoruError('unsupported', 'The tokenizer has no special tokens to join a pair with.')
    const roberta = this.runner.model.config.architecture !== 'bert'
    const between = roberta ? [end, end] : [end]
    const room = this.maxTokens - 2 - between.length
    const [first, second] = cutPair(a, b, room)
    const ids = [start, ...first, ...between, ...second, end]
    const firstLength = 1 + first.length + between.length
    return { ids, types: ids.map((_, i) => (roberta || i < firstLength ? 0 : 1)) }
  }

  /** Sorted by length, as many texts a batch as its tokens allow; results in the order of the inputs. */
  private async inBatches<R>(
    inputs: EncoderInput[],
    run: (batch: EncoderInput[]) => Promise<R[]>,
    options: Pick<EmbedOptions, 'signal' | 'onProgress'>,
  ): Promise<R[]> {
    const order = inputs.map((_, i) => i).sort((x, y) => inputs[x].ids.length - inputs[y].ids.length)
    const results = new Array<R>(inputs.length)
    for (let at = 0; at < order.length;) {
      throwIfCancelled(options.signal)
      if (this.closed) throw this.closed
      const batch: number[] = []
      for (let tokens = 0; at < order.length; at++) {
        tokens += batchTokens(inputs[order[at]])
        if (batch.length > 0 && tokens > this.runner.maxTokens) break
        batch.push(order[at])
      }
      const found = await this.exclusive(() => run(batch.map((i) => inputs[i])))
      batch.forEach((i, n) => (results[i] = found[n]))
      options.onProgress?.(at)
    }
    return results
  }

  private exclusive<T>(work: () => Promise<T>): Promise<T> {
    const run = this.turn.then(work)
    this.turn = run.then(
      () => undefined,
      () => undefined,
    )
    return run
  }
}

/** Takes tokens from the longer text until both fit: transformers' longest_first. */
function cutPair(a: number[], b: number[], room: number): [number[], number[]] {
  let [first, second] = [a.length, b.length]
  const over = Math.max(0, first + second - room)
  const fromLonger = Math.min(over, Math.abs(first - second))
  if (first > second) first -= fromLonger
  else second -= fromLonger
  const rest = over - fromLonger
  return [a.slice(0, first - Math.floor(rest / 2)), b.slice(0, second - Math.ceil(rest / 2))]
}

function shortened(vector: Float32Array, dim: number, normalize: boolean): Float32Array {
  const head = vector.slice(0, dim)
  if (!normalize) return head
  const length = Math.hypot(...head)
  return length > 0 ? head.map((v) => v / length) : head
}
