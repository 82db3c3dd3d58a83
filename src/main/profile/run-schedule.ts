/** Static, dynamic and continuous batching on a loaded model. */
import { type ParsedInputOf } from '../../shared/contract'
import { type profilerSchedule, type SchedulePolicy, schedulePolicy, type ScheduleReport } from '../../shared/contract/profiler' // prettier-ignore
import { sampling } from '../../shared/contract/sampling'
import { type TextModel } from '../text'
import { keptCeilings } from './device-ceilings'
import { type Answer, planRequests, runPolicy } from './schedule'
import { type ProfileServices } from './run-profile'

export interface ScheduleProgress {
  policy: SchedulePolicy
  done: number
  total: number
}

/** Throws busy, cancelled, and what loading the model throws. */
export async function runSchedule(
  { engine, store }: ProfileServices,
  input: ParsedInputOf<typeof profilerSchedule>,
  modelId: string,
  onProgress: (progress: ScheduleProgress) => void,
  signal: AbortSignal,
): Promise<ScheduleReport> {
  const model = await engine.ensureLoaded(modelId, input.load, () => undefined, signal)
  try {
    const requests = planRequests(input.requests, input.seed)
    const policies = await model.alone(async (generate) => {
      const answer = answers(model, generate, signal)
      // Kernels for batches of every size are compiled before anything counts.
      await Promise.all(requests.slice(0, input.slots).map((request) => answer(request, () => undefined)))
      const reports: ScheduleReport['policies'] = []
      for (const [i, policy] of schedulePolicy.options.entries()) {
        model.forgetPrefixes()
        let done = i * requests.length
        const total = schedulePolicy.options.length * requests.length
        const onEnded = () => onProgress({ policy, done: ++done, total })
        const { slots, windowMs } = input
        reports.push(await runPolicy(policy, requests, { slots, windowMs, signal, onEnded }, answer))
      }
      return reports
    })
    const { device } = await keptCeilings(store)
    const { slots, windowMs } = input
    return { device, model: { id: model.id, name: model.name }, slots, windowMs, policies }
  } finally {
    model.release()
  }
}

/** Greedy answers of exactly so many tokens to prompts of any ordinary ids, each with a first token of its own: nothing is cached. */
function answers(model: TextModel, generate: TextModel['generate'], signal: AbortSignal): Answer {
  const logitBias = Object.fromEntries([...model.tokenizer.endIds].map((id) => [String(id), -100]))
  const words = model.tokenizer.encode('the smith took iron from a fire and laid it on an anvil ', { special: false })
  let asked = 0
  return async ({ promptTokens, answerTokens }, onFirstToken) => {
    const own = asked++
    const start = [own % words.length, Math.floor(own / words.length) % words.length]
    const promptIds = Array.from({ length: promptTokens }, (_, i) => words[start[i] ?? (i * 5 + own) % words.length])
    const request = {
      promptIds,
      sampling: sampling.parse({ temperature: 0, maxTokens: answerTokens, logitBias }),
      logprobs: null,
      signal,
    }
    for await (const event of generate(request)) if (event.kind === 'token') onFirstToken()
  }
}
