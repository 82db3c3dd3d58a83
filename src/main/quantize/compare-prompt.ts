/** The same prompt through two models: where their greedy answers part, and what both held likely there. */
import { type ParsedInputOf } from '../../shared/contract'
import { type comparePrompt, type PromptComparison } from '../../shared/contract/quantize'
import { sampling } from '../../shared/contract/sampling'
import { MoruError } from '../../shared/errors'
import { divergence, type LoadedModel } from '../engine'
import { step } from '../trace'
import { loadPair, withEngine } from './open-models'

type Input = Omit<ParsedInputOf<typeof comparePrompt>, 'models'>
type Progress = (stage: 'load' | 'answer', done: number, total: number) => void

/** Tokens of a distribution that are told. */
const told = 12

/** Throws what loading throws; unsupported where the first model has no chat template; invalid_input where the vocabularies differ. */
export function comparePromptAnswers(
  paths: [string, string],
  input: Input,
  onProgress: Progress,
  signal: AbortSignal,
): Promise<PromptComparison> {
  return withEngine(async (engine) => {
    const onLoad = (i: number) => onProgress('load', i, 2)
    const pair = await step('load', {}, () => loadPair(engine, paths, { load: input.load, signal }, onLoad))
    const [a, b] = pair
    if (a.config.vocabSize !== b.config.vocabSize)
      throw new MoruError('invalid_input', 'The models have different vocabularies: their answers cannot be compared.')
    const promptIds = render(a, input)
    const answerOf = (model: LoadedModel, before: number) =>
      step('generate', {}, () =>
        answer(model, promptIds, input.maxTokens, signal, (done) =>
          onProgress('answer', before + done, 2 * input.maxTokens),
        ),
      )
    const first = await answerOf(a, 0)
    const second = await answerOf(b, input.maxTokens)
    return step('score', {}, () => whereTheyPart(pair, promptIds, [first, second], signal))
  })
}

export const promptMessages = ({ system, prompt }: Pick<Input, 'system' | 'prompt'>) => [
  ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
  { role: 'user' as const, content: prompt },
]

function render({ template, tokenizer }: LoadedModel, input: Input): number[] {
  if (!template) return tokenizer.encode(input.prompt, { special: true, affixes: true })
  return template.encode(promptMessages(input), { addGenerationPrompt: true }).ids
}

async function answer(
  model: LoadedModel,
  promptIds: number[],
  maxTokens: number,
  signal: AbortSignal,
  onToken: (done: number) => void,
): Promise<number[]> {
  const greedy = sampling.parse({ temperature: 0, maxTokens })
  let done = 0
  for await (const event of model.generate({ promptIds, logprobs: null, signal, sampling: greedy })) {
    if (event.kind === 'token') onToken(++done)
    if (event.kind !== 'finished') continue
    if (event.finishReason === 'cancelled') throw new MoruError('cancelled', 'The comparison was cancelled.')
    return event.tokenIds
  }
  throw new MoruError('internal', 'The answer ended without its tokens.')
}

/** Both predict the first model's answer up to where the answers part. */
async function whereTheyPart(
  [a, b]: readonly [LoadedModel, LoadedModel],
  promptIds: number[],
  answers: readonly [number[], number[]],
  signal: AbortSignal,
): Promise<PromptComparison> {
  const [first, second] = answers
  const shared = first.findIndex((id, i) => id !== second[i])
  const part = shared >= 0 ? shared : first.length < second.length ? first.length : -1
  const same = part < 0 ? first.length - 1 : part
  const ids = [...promptIds, ...first.slice(0, same)]
  const [p, q] = [await answerLogits(a, ids, same + 1, signal), await answerLogits(b, ids, same + 1, signal)]
  const last = [probabilities(p[same]), probabilities(q[same])] as const
  const tell = (model: LoadedModel, tokens: number[]) => ({
    text: model.tokenizer.decode(tokens),
    tokens: tokens.map((id) => ({ id, text: textOf(model, id) })),
  })
  return {
    answers: [tell(a, first), tell(b, second)],
    firstDifference: part < 0 ? null : part,
    distributions: [likeliest(a, last[0], last[1]), likeliest(a, last[1], last[0])],
    kld: p.map((row, i) => divergence(row, q[i], null).kld),
  }
}

/** Logits for the answer's tokens: of the last `count` places. */
async function answerLogits(
  model: LoadedModel,
  ids: number[],
  count: number,
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const rows: Float32Array[] = []
  let at = 0
  for await (const found of model.predict(ids, signal))
    for (const row of found) if (at++ >= ids.length - count) rows.push(row.slice())
  return rows
}

function probabilities(logits: Float32Array): Float64Array {
  const most = logits.reduce((x, y) => Math.max(x, y))
  const out = Float64Array.from(logits, (x) => Math.exp(x - most))
  const sum = out.reduce((x, y) => x + y)
  return out.map((x) => x / sum)
}

/** A model may have more rows of logits than its tokenizer has tokens: ids that stand for nothing. */
const textOf = ({ tokenizer }: LoadedModel, id: number): string =>
  id < tokenizer.vocabSize ? tokenizer.token(id) : `[${id}]`

function likeliest(model: LoadedModel, p: Float64Array, other: Float64Array) {
  const ids = [...p.keys()].sort((x, y) => p[y] - p[x]).slice(0, told)
  return ids.map((id) => ({ id, text: textOf(model, id), p: p[id], otherP: other[id] }))
}
