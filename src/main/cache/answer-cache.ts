/** Answers given before, found again for the same question, or for one that means the same. */
import { createHash } from 'node:crypto'
import { type CachedAnswer, type CacheBounds, type CacheCounts, type Store } from '../store'
import { differenceOf } from './differences'

/** All that an answer depends on, the question apart. Values are compared by their JSON. */
export interface AnswerContext {
  /** The model's files and how they are loaded. */
  model: unknown
  sampling: unknown
  /** How prompts are written: a new version answers anew. */
  template: unknown
  /** Ids with versions: what changes in a collection makes its answers old. */
  collections: readonly { id: string; version: number }[]
  /** Whatever else the prompt is made from. */
  rest: unknown
}

/** A question's embedding, of unit length. */
export interface QuestionVector {
  /** Names the embedding model. */
  key: string
  values: Float32Array
}

export interface CacheHit {
  kind: 'exact' | 'similar'
  question: string
  /** Cosine distance; null for an exact hit. */
  distance: number | null
  savedMs: number
  answer: unknown
}

export interface AnswerCacheOptions extends CacheBounds {
  /** Questions closer than this mean the same unless a guard objects: cosine distance. */
  distance: number
}

export const defaultCacheOptions: AnswerCacheOptions = {
  ageMs: 30 * 24 * 3_600_000,
  sizeBytes: 64 * 2 ** 20,
  distance: 0.2,
}

export class AnswerCache {
  readonly #rows: Store['cachedAnswers']
  readonly #current: () => Partial<AnswerCacheOptions>

  /** `options` is asked each time: a person may change them. */
  constructor(store: Pick<Store, 'cachedAnswers'>, options: () => Partial<AnswerCacheOptions> = () => ({})) {
    this.#rows = store.cachedAnswers
    this.#current = options
  }

  get #options(): AnswerCacheOptions {
    return { ...defaultCacheOptions, ...this.#current() }
  }

  /** The answer to this very question; null when there is none. */
  findExact(context: AnswerContext, asked: unknown): CacheHit | null {
    const found = this.#rows.find(keyOf(context, asked), this.#options.ageMs)
    return found && this.#hit('exact', found, null)
  }

  /**
   * The answer to the nearest question that means the same. The caller leaves this out where the embedding model does not
   * know the question's language.
   * @param spread cosines of the model lie between 1 - spread, for unrelated texts, and 1: the distance is a share of it.
   * @param accept has the last word on an entry, by what was kept with it.
   */
  findSimilar(
    context: AnswerContext,
    question: string,
    { key, values }: QuestionVector,
    { spread, accept }: { spread: number; accept: (answer: unknown) => boolean },
  ): CacheHit | null {
    const near = this.#rows
      .candidates(contextKeyOf(context), key, this.#options.ageMs)
      .map((candidate) => ({ ...candidate, distance: 1 - dot(candidate.values, values) }))
      .filter((candidate) => candidate.distance < this.#options.distance * spread)
      .sort((a, b) => a.distance - b.distance)
    for (const { seq, question: before, distance } of near) {
      if (differenceOf(before, question) !== null) continue
      const found = this.#rows.get(seq)
      if (found && accept(found.answer)) return this.#hit('similar', found, distance)
    }
    return null
  }

  /** Nothing was found, and the answer had to be made. */
  noteMiss(): void {
    this.#rows.noteMiss()
  }

  /** @param asked what was asked as the caller got it, `question` what was answered. */
  save(
    context: AnswerContext,
    entry: { asked: unknown; question: string; vector: QuestionVector | null; answer: unknown; elapsedMs: number },
  ): void {
    const { asked, question, vector, answer, elapsedMs } = entry
    this.#rows.save(
      {
        key: keyOf(context, asked),
        contextKey: contextKeyOf(context),
        question,
        embedding: vector,
        collectionIds: context.collections.map(({ id }) => id),
        answer,
        elapsedMs,
      },
      this.#options,
    )
  }

  stats(): CacheCounts {
    return this.#rows.counts()
  }

  clear(): void {
    this.#rows.clear()
  }

  /** Forgets what was answered from a collection. */
  forget(collectionId: string): void {
    this.#rows.removeCollection(collectionId)
  }

  #hit(kind: CacheHit['kind'], found: CachedAnswer, distance: number | null): CacheHit {
    this.#rows.noteHit(found.seq, kind, found.elapsedMs)
    return { kind, question: found.question, distance, savedMs: found.elapsedMs, answer: found.answer }
  }
}

const contextKeyOf = (context: AnswerContext) => digest(context)
const keyOf = (context: AnswerContext, asked: unknown) => digest([context, asked])
const digest = (value: unknown) => createHash('sha256').update(canonical(value)).digest('hex')

/** JSON with sorted keys: equal values give equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

function dot(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return -1
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}
