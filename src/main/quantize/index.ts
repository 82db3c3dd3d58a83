/** Quantizing models, and seeing what it costs. */
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import { type HandlersFor } from '../../shared/contract/handlers'
import { comparison, type compareRun } from '../../shared/contract/quantize'
import { awaitJob } from '../jobs'
import { reported } from '../text'
import { comparePromptAnswers } from './compare-prompt'
import { compareText } from './compare-text'
import { runConversion } from './convert'
import { lookAtActivations } from './inspect-activations'
import { sharedMatrices, viewMatrix } from './inspect-matrix'
import { planOf } from './plan'
import { QuantizeService, type QuantizeServiceOptions } from './quantize-service'

export { textSources } from './text-sources'

type Served =
  | 'quantizePlan'
  | 'quantizeStart'
  | 'quantizeFollow'
  | 'quantizeRuns'
  | 'compareRun'
  | 'comparePrompt'
  | 'convertRun'
  | 'inspectMatrices'
  | 'inspectMatrix'
  | 'inspectActivations'

export function quantizeHandlers(options: QuantizeServiceOptions): HandlersFor<Served> {
  const { library } = options
  const service = new QuantizeService(options)
  const pair = async (models: [string | null, string | null]): Promise<[string, string]> => {
    const [a, b] = [await library.resolve(models[0]), await library.resolve(models[1])]
    return [a.path, b.path]
  }
  return {
    quantizePlan: async ({ model, recipe }) => planOf(await library.resolve(model), recipe),
    quantizeStart: async (input) => ({ jobId: await service.start(input) }),
    quantizeFollow: ({ jobId }, { signal }) => service.follow(jobId, signal),
    quantizeRuns: ({ limit }) => service.runs(limit),
    compareRun: (input, { signal }) => reported((report) => runComparison(options, input, report, signal)),
    convertRun: (input, { signal }) => reported((report) => runConversion(options, input, report, signal)),
    inspectMatrices: async ({ models }) => sharedMatrices(await pair(models)),
    inspectMatrix: async ({ models, ...input }) => viewMatrix(await pair(models), input),
    inspectActivations: ({ model, calibration }, { signal }) =>
      reported(async (report) =>
        lookAtActivations((await library.resolve(model)).path, calibration, options.sources, report, signal),
      ),
    comparePrompt: (input, { signal }) =>
      reported(async (report) => {
        const found = await comparePromptAnswers(
          await pair(input.models),
          input,
          (stage, done, total) => report({ kind: 'progress', stage, done, total }),
          signal,
        )
        report({ kind: 'finished', comparison: found })
      }),
  }
}

async function runComparison(
  { library, jobs }: Pick<QuantizeServiceOptions, 'library' | 'jobs'>,
  input: ParsedInputOf<typeof compareRun>,
  report: (event: EventOf<typeof compareRun>) => void,
  signal: AbortSignal,
): Promise<void> {
  const [a, b] = [await library.resolve(input.models[0]), await library.resolve(input.models[1])]
  const spec = {
    kind: 'compare' as const,
    title: `${a.name} / ${b.name}`,
    parameters: { ...input, models: [a.path, b.path] },
    unit: 'tokens' as const,
    total: input.windows * (input.window - 1),
  }
  const { result } = await awaitJob(
    jobs,
    spec,
    async (handle, stop) => {
      const listener = {
        progress: (stage: 'load' | 'predict' | 'speed', done: number, total: number, kld: number | null) => {
          if (stage === 'predict') handle.progress(done, total)
          report({ kind: 'progress', jobId: handle.id, stage, done, total, kld })
        },
        window: (...[window, tokens]: Parameters<Parameters<typeof compareText>[3]['window']>) =>
          report({ kind: 'window', window, tokens: input.perToken ? tokens() : [] }),
      }
      return { ...(await compareText(library, [a.path, b.path], input, listener, stop)) }
    },
    signal,
  )
  report({ kind: 'finished', comparison: comparison.parse(result) })
}
