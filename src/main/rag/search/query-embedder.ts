/** Queries into vectors, by the model whose vectors a collection answers with. */
import { MoruError } from '../../../shared/errors'
import { type Embedder } from '../../engine'
import { type SearchState } from '../../store'
import { type EmbeddingSource } from '../embedding'

/** Queries asked again are not embedded again: the search bench runs the same one in several modes. */
const mostKept = 200

export class QueryEmbedder {
  readonly #embeddings: EmbeddingSource
  readonly #kept = new Map<string, Float32Array>()

  constructor(embeddings: EmbeddingSource) {
    this.#embeddings = embeddings
  }

  /**
   * A vector for each text, as a query. While another model is being prepared, the one that answers is still asked.
   * @throws conflict when that one is not to be had any more; what loading and running it throws.
   */
  async embed(state: SearchState, texts: string[], signal: AbortSignal): Promise<Float32Array[]> {
    const { model } = state
    if (!model) throw new MoruError('not_found', 'The collection has no vectors yet.')
    const keyOf = (text: string) => `${model.key}\n${text}`
    const missing = texts.filter((text) => !this.#kept.has(keyOf(text)))
    if (missing.length > 0) {
      const vectors = await this.#ask(state, missing, signal)
      missing.forEach((text, i) => this.#kept.set(keyOf(text), vectors[i]))
    }
    const found = texts.map((text) => this.#kept.get(keyOf(text)) as Float32Array)
    for (const key of this.#kept.keys()) {
      if (this.#kept.size <= mostKept) break
      this.#kept.delete(key)
    }
    return found
  }

  /** Tokens of each text for the model that answers. @throws as `embed`. */
  countTokens(state: SearchState, texts: readonly string[], signal: AbortSignal): Promise<number[]> {
    return this.#held(state, signal, async (embedder) => texts.map((text) => embedder.countTokens(text)))
  }

  #ask(state: SearchState, texts: string[], signal: AbortSignal): Promise<Float32Array[]> {
    return this.#held(state, signal, (embedder) => embedder.embed(texts, { kind: 'query', signal }))
  }

  async #held<T>(
    { model, settings }: SearchState,
    signal: AbortSignal,
    work: (embedder: Embedder) => Promise<T>,
  ): Promise<T> {
    // The settings name the model that is wanted; the library's id noted with the vectors names the one that answers.
    const sources = [...new Set([settings.embeddingModel, model?.libraryId ?? null])]
    let offered = 'none'
    for (const source of sources) {
      const held = await this.#embeddings.ensureEmbedder(source, signal)
      try {
        if (held.key === model?.key) return await work(held.embedder)
        offered = held.name
      } finally {
        held.release()
      }
    }
    throw new MoruError(
      'conflict',
      `The collection's vectors are from a model that is not in the library any more (${offered} is another one). ` +
        'Index the collection again.',
    )
  }
}
