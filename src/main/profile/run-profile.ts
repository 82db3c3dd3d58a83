/** One profile, from the model to the report. */
import { type ParsedInputOf } from '../../shared/contract'
import { type ProfileReport, type profilerRun } from '../../shared/contract/profiler'
import { sampling } from '../../shared/contract/sampling'
import { type Timeline } from '../engine'
import { type Store } from '../store'
import { type TextEngine } from '../text'
import { currentCeilings, withKernels } from './device-ceilings'
import { kernelRows } from './report'

export const stages = ['load', 'warm-up', 'plain', 'profile', 'groups', 'ceilings'] as const
export type Stage = (typeof stages)[number]

export interface ProfileServices {
  engine: TextEngine
  store: Pick<Store, 'ceilings'>
}

/** Throws busy, cancelled, context_full, no_adapter, and what loading the model throws. */
export async function runProfile(
  { engine, store }: ProfileServices,
  input: ParsedInputOf<typeof profilerRun>,
  modelId: string,
  onStage: (stage: Stage) => void,
  signal: AbortSignal,
): Promise<{ report: ProfileReport; timeline: Timeline }> {
  onStage('load')
  const model = await engine.ensureLoaded(modelId, input.load, () => undefined, signal)
  try {
    const request = {
      promptIds: model.tokenizer.encode(input.prompt, { special: true, affixes: true }),
      sampling: sampling.parse({ temperature: 0, maxTokens: input.maxTokens }),
      logprobs: null,
      signal,
    }
    const { kernels, timeline, ...times } = await model.profile(request, onStage)
    onStage('ceilings')
    const { device, ceilings } = withKernels(store, await currentCeilings(store, signal), kernels)
    const own = { id: model.id, name: model.name }
    const fused = input.load.fused === false ? { fused: false } : {}
    return {
      report: { device, model: own, ...fused, ...times, ceilings, kernels: kernelRows(kernels, ceilings) },
      timeline,
    }
  } finally {
    model.release()
  }
}
