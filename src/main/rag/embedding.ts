/** What documents need of whatever embeds and ranks: the engine's encoders, held while they are used. */
import { type Embedder } from '../engine'

/** An encoder that is loaded and stays so until it is released. */
export interface HeldEmbedder {
  /** Library id. */
  id: string
  name: string
  /** Names weights and recipe: vectors of one key are comparable, those of two are not. */
  key: string
  embedder: Embedder
  /** The caller needs it no longer; called once. */
  release(): void
}

export interface EmbeddingSource {
  /** The bundled embedding model; null where there is none. */
  defaultEmbedderId(): string | null
  /**
   * The encoder, loaded beside the chat model where it is not there yet.
   * @param model library id or path; null: the default.
   * @throws not_found, invalid_file, unsupported for models that generate text, out_of_memory, no_adapter, device_lost.
   */
  ensureEmbedder(model: string | null, signal?: AbortSignal): Promise<HeldEmbedder>
}
