/** Prefill and decode of two models, taken in turns, so that whatever else the machine does hits both. */
import { type Comparison } from '../../shared/contract/quantize'
import { sampling } from '../../shared/contract/sampling'
import { MoruError } from '../../shared/errors'
import { type LoadedModel } from '../engine'

const rounds = 3
const promptTokens = 256
const answerTokens = 24

/** Best of several rounds of each, in tokens a second; the first, which compiles, does not count. */
export async function measureSpeed(
  models: readonly [LoadedModel, LoadedModel],
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<NonNullable<Comparison['speed']>> {
  const best = { prefill: [0, 0] as [number, number], decode: [0, 0] as [number, number] }
  for (let round = 0; round <= rounds; round++)
    for (const i of [0, 1] as const) {
      onProgress(round * 2 + i, (rounds + 1) * 2)
      const found = await once(models[i], round, signal)
      if (round === 0) continue
      best.prefill[i] = Math.max(best.prefill[i], found.prefill)
      best.decode[i] = Math.max(best.decode[i], found.decode)
    }
  return best
}

async function once(
  model: LoadedModel,
  round: number,
  signal: AbortSignal,
): Promise<{ prefill: number; decode: number }> {
  const count = Math.min(promptTokens, model.contextLength - answerTokens - 1)
  // Other tokens each time: what is cached is not computed again.
  const promptIds = Array.from({ length: count }, (_, i) => (i * 7919 + round * 104_729 + 11) % model.config.vocabSize)
  const greedy = sampling.parse({ temperature: 0, maxTokens: answerTokens })
  for await (const event of model.generate({ promptIds, logprobs: null, signal, sampling: greedy })) {
    if (event.kind !== 'finished') continue
    return { prefill: event.prefillTokensPerSecond, decode: event.decodeTokensPerSecond }
  }
  throw new MoruError('internal', 'Generating ended without figures.')
}
