/** Where time goes: a generation profiled kernel by kernel. */
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import { type HandlersFor } from '../../shared/contract/handlers'
import { type ProfileReport, type profilerRun } from '../../shared/contract/profiler'
import { sampling } from '../../shared/contract/sampling'
import { MoruError } from '../../shared/errors'
import { measureCeilings } from '../bench'
import { reported, type TextEngine } from '../text'
import { kernelRows } from './report'

type Input = ParsedInputOf<typeof profilerRun>
type Event = EventOf<typeof profilerRun>

const repetitions = 5

export function profilerHandlers(engine: TextEngine, defaultModel: () => string | null): HandlersFor<'profilerRun'> {
  return {
    profilerRun: (input, { signal }) =>
      reported<Event>((report) => run(engine, input, input.model ?? defaultModel(), report, signal)),
  }
}

async function run(
  engine: TextEngine,
  input: Input,
  id: string | null,
  report: (event: Event) => void,
  signal: AbortSignal,
): Promise<void> {
  if (id === null)
    throw new MoruError(
      'model_not_loaded',
      'No model was named and there is no default: name one, or import one first.',
    )
  report({ kind: 'progress', stage: 'load' })
  const model = await engine.ensureLoaded(id, input.load, () => undefined, signal)
  try {
    const promptIds = model.tokenizer.encode(input.prompt, { special: true, affixes: true })
    const request = {
      promptIds,
      sampling: sampling.parse({ temperature: 0, maxTokens: input.maxTokens }),
      logprobs: null,
      signal,
    }
    report({ kind: 'progress', stage: 'warm-up' })
    // Other tokens of the same number: the same kernels are compiled, and nothing of the prompt is cached afterwards.
    for await (const event of model.generate({ ...request, promptIds: promptIds.toReversed() }))
      if (event.kind === 'finished') break
    report({ kind: 'progress', stage: 'ceilings' })
    const { device, ceilings } = await measureCeilings(repetitions, signal)
    report({ kind: 'progress', stage: 'profile' })
    const { kernels, ...times } = await model.profile(request)
    const full: ProfileReport = { device, ...times, ceilings, kernels: kernelRows({ kernels, ...times }, ceilings) }
    report({ kind: 'finished', report: full })
  } finally {
    model.release()
  }
}
