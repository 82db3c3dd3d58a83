/** What text needs of the engine: all that chat needs, and the loss of given tokens. */
import { type Generator, type LoadedChatModel } from '../chat'
import { type LoadSettings } from '../../shared/contract/sampling'
import { type GenerateRequest, type GenerationProfile, type ProfileStage } from '../engine'

export interface TextModel extends LoadedChatModel {
  /** Milliseconds the model took to load. */
  loadMs: number
  /** Negative log-likelihoods in nats of ids[1], ids[2], ... */
  score(ids: number[], options: { signal?: AbortSignal; onProgress?: (done: number) => void }): Promise<Float32Array>
  /** Runs `work` with nobody else. Throws busy. */
  alone<T>(work: (generate: TextModel['generate']) => Promise<T>): Promise<T>
  /** Beginnings of earlier requests are computed anew. */
  forgetPrefixes(): void
  /** Runs a request alone and times every kernel. Throws busy, unsupported. */
  profile(request: GenerateRequest, onStage?: (stage: ProfileStage) => void): Promise<GenerationProfile>
}

export interface TextEngine extends Generator {
  ensureLoaded(
    model: string,
    load: LoadSettings,
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<TextModel>
}
