/** Two models on the same tokens, window by window, in step. */
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { type LoadedModel } from '../runtime/loaded-model'
import { divergence, type TokenDivergence } from './divergence'

export interface CompareOptions {
  signal?: AbortSignal
  /** Hears of the tokens of a window as they are compared. */
  onTokens?: (tokens: TokenDivergence[]) => void
}

/**
 * Divergence of `other` from `original` at every token of a window but the last, which has no next token to score.
 * Throws invalid_input where the vocabularies differ, context_full, cancelled, device_lost, and unsupported when logits are no numbers.
 */
export async function compareWindow(
  original: LoadedModel,
  other: LoadedModel,
  ids: number[],
  { signal, onTokens }: CompareOptions = {},
): Promise<TokenDivergence[]> {
  checkVocabularies(original, other)
  const all: TokenDivergence[] = []
  const others = other.predict(ids, signal)
  try {
    for await (const rows of original.predict(ids, signal)) {
      throwIfCancelled(signal)
      const { value } = await others.next()
      const found = rows.flatMap((row, i) => {
        const target = ids.at(all.length + i + 1)
        return target === undefined ? [] : [divergence(row, (value as Float32Array[])[i], target)]
      })
      checkNumbers(found)
      all.push(...found)
      onTokens?.(found)
    }
  } finally {
    await others.return(undefined)
  }
  return all
}

function checkVocabularies(original: LoadedModel, other: LoadedModel): void {
  const [a, b] = [original.config.vocabSize, other.config.vocabSize]
  if (a !== b)
    throw new MoruError(
      'invalid_input',
      `The models have different vocabularies (${a} and ${b} tokens): their predictions cannot be compared token by token.`,
    )
}

function checkNumbers(tokens: TokenDivergence[]): void {
  const wrong = tokens.find((t) => !Number.isFinite(t.kld) || !t.nll?.every(Number.isFinite))
  if (!wrong) return
  const which = Number.isFinite(wrong.nll?.[0]) ? 'second' : 'first'
  throw new MoruError('unsupported', `The ${which} model’s logits are not numbers: its weights are damaged.`)
}
