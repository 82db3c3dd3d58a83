/** Quantizing models, and seeing what it costs. */
import { type HandlersFor } from '../../shared/contract/handlers'
import { reported } from '../text'
import { loadAttributes } from '../trace'
import { comparePromptAnswers, promptMessages } from './compare-prompt'
import { runComparison, runEmbeddingComparison } from './run-comparison'
import { runConversion } from './convert'
import { writeImportanceFile } from './importance-file'
import { lookAtActivations } from './inspect-activations'
import { sharedMatrices, viewMatrix } from './inspect-matrix'
import { planOf } from './plan'
import { fitJob } from './run-fit'
import { QuantizeService, type QuantizeServiceOptions } from './quantize-service'

export { textSources } from './text-sources'

type Served =
  | 'quantizePlan'
  | 'quantizeStart'
  | 'quantizeFollow'
  | 'quantizeRuns'
  | 'quantizeFit'
  | 'compareRun'
  | 'compareEmbeddings'
  | 'comparePrompt'
  | 'convertRun'
  | 'importanceRun'
  | 'inspectMatrices'
  | 'inspectMatrix'
  | 'inspectActivations'

export function quantizeHandlers(options: QuantizeServiceOptions): HandlersFor<Served> {
  const { library, tracer } = options
  const service = new QuantizeService(options)
  const fit = fitJob(options)
  const pair = async (models: [string | null, string | null]): Promise<[string, string]> => {
    const [a, b] = [await library.resolve(models[0]), await library.resolve(models[1])]
    return [a.path, b.path]
  }
  return {
    quantizePlan: async ({ model, recipe }) => planOf(await library.resolve(model), recipe),
    quantizeStart: async (input) => ({ jobId: await service.start(input) }),
    quantizeFollow: ({ jobId }, { signal }) => service.follow(jobId, signal),
    quantizeRuns: ({ limit }) => service.runs(limit),
    quantizeFit: (input, { signal }) => reported((report) => fit(input, report, signal)),
    compareRun: (input, { signal }) => reported((report) => runComparison(options, input, report, signal)),
    compareEmbeddings: (input, { signal }) =>
      reported((report) => runEmbeddingComparison(options, input, report, signal)),
    convertRun: (input, { signal }) => reported((report) => runConversion(options, input, report, signal)),
    importanceRun: (input, { signal }) => reported((report) => writeImportanceFile(options, input, report, signal)),
    inspectMatrices: async ({ models }) => sharedMatrices(await pair(models)),
    inspectMatrix: async ({ models, ...input }) => viewMatrix(await pair(models), input),
    inspectActivations: ({ model, calibration }, { signal }) =>
      reported(async (report) =>
        lookAtActivations((await library.resolve(model)).path, calibration, options.sources, report, signal),
      ),
    comparePrompt: (input, { signal }) =>
      reported(async (report) => {
        const models = await pair(input.models)
        const attributes = { 'moru.compare.models': models, ...loadAttributes(input.load) }
        const onProgress = (stage: 'load' | 'answer', done: number, total: number) =>
          report({ kind: 'progress', stage, done, total })
        const found = await tracer.run('compare', { attributes, input: () => promptMessages(input) }, async (span) => {
          const compared = await comparePromptAnswers(models, input, onProgress, signal)
          span?.output(compared.answers.map(({ text }) => ({ role: 'assistant', content: text })))
          return compared
        })
        report({ kind: 'finished', comparison: found })
      }),
  }
}
