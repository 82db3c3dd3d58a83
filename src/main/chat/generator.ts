/** What chat needs of whatever writes the answers: the embedded engine today, another machine perhaps later. */
import { type LoadSettings } from '../../shared/contract/sampling'
import { type ChatTemplate, type GenerateEvent, type GenerateRequest, type Tokenizer } from '../engine'

/** A model as far as prompts go: known from its files, before any weight is loaded. */
export interface ChatModel {
  id: string
  name: string
  /** Tokens a sequence may hold under the load settings asked for. */
  contextLength: number
  tokenizer: Tokenizer
  /** null: a base model, not made for chat. */
  template: ChatTemplate | null
}

export interface LoadedChatModel extends ChatModel {
  /** Events end with 'finished', also when the request's signal fired. Throws what the engine throws. */
  generate(request: GenerateRequest): AsyncIterable<GenerateEvent>
  /** The caller needs it no longer. Until then no other caller's ensureLoaded unloads it; called once. */
  release(): void
}

export interface Generator {
  /** The model for conversations that name none, when the person chose no default; null: there is none. */
  defaultModelId(): string | null
  /** What is needed to render and count prompts, without loading weights. @throws not_found, invalid_file, unsupported. */
  inspect(modelId: string, load: LoadSettings, signal: AbortSignal): Promise<ChatModel>
  /**
   * The model, ready to generate: loads it where it is not, after waiting until one that must make room is released.
   * @param onProgress bytes loaded so far and in all; not called for a model that is there already.
   * @throws not_found, invalid_file, out_of_memory, no_adapter, device_lost; cancelled when the signal fired.
   */
  ensureLoaded(
    modelId: string,
    load: LoadSettings,
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<LoadedChatModel>
}
