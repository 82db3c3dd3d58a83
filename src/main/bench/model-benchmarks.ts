/** Decoding, prefill and batches of a model that is loaded, as requests see them. */
import { sampling as samplingSchema } from '../../shared/contract/sampling'
import { MoruError, throwIfCancelled } from '../../shared/errors'
import { type TextModel } from '../text'
import { type Benchmark } from './benchmark'
import { type ModelCost, passWork } from './roofline'

export const contextTokens = 512
/** Of each sequence of a batch. One more than whole blocks: those stay cached from one repetition to the next. */
const batchPrompt = 65
/** Tokens between which the clock runs. */
const timedTokens = 32
/** In large batches, whose tokens are many enough. */
const timedInLarge = 12
const largeBatch = 16
export const batchContext = batchPrompt + timedTokens / 2

export interface TextOptions {
  model: TextModel
  vocabSize: number
  cost: ModelCost
}

/** Throws unsupported for models that cannot hold what is measured. */
export function decodeBenchmark(options: TextOptions): Benchmark {
  needs(options.model, contextTokens + timedTokens + 2)
  const prompt = randomPrompt(options.vocabSize, contextTokens + 1)
  const context = contextTokens + timedTokens / 2
  return {
    name: 'decode',
    unit: 'tokens/s',
    amount: 1,
    work: passWork(options.cost, { tokens: 1, logits: 1, pairs: context, cached: context }),
    measure: (signal) => decodeRate(options.model, [prompt], signal),
  }
}

/** From the first token of a prompt that nothing is cached of to the first of the answer. */
export function prefillBenchmark({ model, vocabSize, cost }: TextOptions): Benchmark {
  needs(model, contextTokens + 2)
  const tokens = contextTokens
  return {
    name: `prefill_${tokens}`,
    unit: 'tokens/s',
    amount: tokens,
    work: passWork(cost, { tokens, logits: 1, pairs: (tokens * (tokens + 1)) / 2, cached: tokens }),
    measure: async (signal) => {
      const request = { promptIds: randomPrompt(vocabSize, tokens), sampling: greedy(model, 1), logprobs: null, signal }
      for await (const event of model.generate(request))
        if (event.kind === 'finished') {
          throwIfCancelled(signal)
          return event.prefillTokensPerSecond
        }
      throw new MoruError('internal', 'A prefill ended without its end.')
    },
  }
}

/** Sequences that decode together; tokens of all of them a second. */
export function batchBenchmarks({ model, vocabSize, cost }: TextOptions, sizes: readonly number[]): Benchmark[] {
  const most = Math.max(...sizes)
  needs(model, most * (batchPrompt + timedTokens + 2 * most))
  const prompts = Array.from({ length: most }, () => randomPrompt(vocabSize, batchPrompt))
  const context = batchContext
  return sizes.map((size) => ({
    name: `batch_${size}`,
    unit: 'tokens/s' as const,
    amount: size,
    work: passWork(cost, { tokens: size, logits: size, pairs: size * context, cached: size * context }),
    measure: (signal) =>
      decodeRate(model, prompts.slice(0, size), signal, size < largeBatch ? timedTokens : timedInLarge),
  }))
}

function needs(model: TextModel, tokens: number): void {
  if (model.contextLength < tokens)
    throw new MoruError(
      'unsupported',
      `${model.name} is loaded for ${model.contextLength} tokens; this measurement needs ${tokens}.`,
    )
}

/** Any ordinary ids: how fast they are computed does not depend on what they say. */
function randomPrompt(vocabSize: number, length: number): number[] {
  return Array.from({ length }, () => Math.floor(vocabSize * (0.1 + 0.8 * Math.random())))
}

/** Greedy, and not to be ended by the model. */
function greedy(model: TextModel, maxTokens: number) {
  const logitBias = Object.fromEntries([...model.tokenizer.endIds].map((id) => [String(id), -100]))
  return samplingSchema.parse({ temperature: 0, maxTokens, logitBias })
}

/** Tokens a second over all sequences, from when the last of them has begun to answer until the first has ended. */
async function decodeRate(
  model: TextModel,
  prompts: number[][],
  signal: AbortSignal,
  timed = timedTokens,
): Promise<number> {
  const times: number[][] = prompts.map(() => [])
  // The first answers begin while later prompts are still read: they may go on for as long as there is room for all.
  const room = Math.floor(model.contextLength / prompts.length) - prompts[0].length - 16
  const most = Math.max(timed + 2, Math.min(timed + 8 * prompts.length, room))
  const sampling = greedy(model, most)
  const done = new AbortController()
  const stop = AbortSignal.any([signal, done.signal])
  const since = (from: number, i: number) => times[i].filter((at) => at > from).length
  const answer = async (promptIds: number[], i: number) => {
    for await (const event of model.generate({ promptIds, sampling, logprobs: null, signal: stop })) {
      if (event.kind !== 'token') continue
      times[i].push(performance.now())
      // Enough was timed since the last of them has begun.
      if (times.every((own) => own.length > 0) && since(Math.max(...times.map((own) => own[0])), i) >= timed)
        done.abort()
    }
  }
  await Promise.all(prompts.map(answer))
  throwIfCancelled(signal)
  const from = Math.max(...times.map((own) => own[0]))
  const to = Math.min(...times.map((own) => own[own.length - 1]))
  const counted = times.flat().filter((at) => at > from && at <= to).length
  if (!(to > from)) throw new MoruError('internal', 'The sequences of a batch did not run together.')
  return (counted * 1000) / (to - from)
}
