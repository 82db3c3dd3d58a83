/** What the engine's callers ask of a loaded model, and what they hear back. */
import { type FinishReason, type Sampling, type TokenDetail, type Usage } from '../../../shared/contract/sampling'

export interface GenerateRequest {
  /** The whole prompt; tokens whose keys and values are still cached from an earlier request are not computed again. */
  promptIds: number[]
  sampling: Sampling
  /** Best alternatives to report for each token, 0 to 20; null: no log-probabilities at all. */
  logprobs: number | null
  signal?: AbortSignal
}

export type GenerateEvent =
  | { kind: 'prefill'; done: number; total: number }
  /** `text` is what became certain: held back while a character or a stop text is incomplete, so often ''. */
  | { kind: 'token'; id: number; text: string; detail: TokenDetail | null }
  | {
      kind: 'finished'
      /** 'cancelled' when the signal fired: not an error, what was generated stands. */
      finishReason: FinishReason
      /** All ids, the end-of-sequence id included when it ended the answer. */
      tokenIds: number[]
      /** Text held back until now; completes the concatenation of the token events' texts. */
      text: string
      usage: Usage
      ttftMs: number
      prefillTokensPerSecond: number
      decodeTokensPerSecond: number
    }
