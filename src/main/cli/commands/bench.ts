/** moru bench. */
import { type BenchReport, benchRun, benchSuite } from '../../../shared/contract/bench'
import { MoruError } from '../../../shared/errors'
import { checked, type Command, UsageError } from '../command'
import { modelOption } from '../model-option'
import { fieldOptions, loadOf, modelOptions } from '../sampling-options'
import { table } from '../table'

export const bench: Command = {
  name: 'bench',
  usage:
    '[decode] [prefill] [batch] [matmul] [embed] [search] [--repetitions 3] [--batch-sizes 1,2,4,8,16,32] [--vectors 100000] [--model MODEL] [--context N] [--compute-type f32|f16] [--kv-type f32|f16|int8]',
  summary: 'Measures the engine against what the device allows',
  options: {
    ...modelOptions,
    repetitions: { type: 'string' },
    vectors: { type: 'string' },
    'batch-sizes': { type: 'string' },
  },
  run: async (values, positionals, context) => {
    const request = {
      suites: suitesOf(positionals),
      model: values.filled('model') ?? null,
      load: loadOf(values),
      repetitions: values.number('repetitions'),
      vectors: values.number('vectors'),
      batchSizes: sizesOf(values.filled('batch-sizes')),
    }
    const input = { ...checked(benchRun, request, fieldOptions), model: await modelOption(values, context) }
    const client = await context.client()
    for await (const event of client.stream(benchRun, input, { signal: context.signal })) {
      if (event.kind === 'progress') {
        context.progress(`${event.done + 1} of ${event.total}: ${event.name}`)
        continue
      }
      if (!context.json) context.print(describe(event.report))
      return event.report
    }
    throw new MoruError('internal', 'the measurement ended without a result.')
  },
}

function sizesOf(text: string | undefined): number[] | undefined {
  const parts = text?.split(',')
  const wrong = parts?.find((part) => !/^\s*\d+\s*$/.test(part))
  if (wrong !== undefined) throw new UsageError(`--batch-sizes: "${wrong}" is not a number of sequences.`)
  return parts?.map(Number)
}

/** Separated by spaces or commas; undefined, so all of them, when none is named. */
function suitesOf(positionals: string[]) {
  const names = positionals.flatMap((text) => text.split(',')).filter((name) => name !== '')
  const wrong = names.find((name) => !benchSuite.options.some((suite) => suite === name))
  if (wrong !== undefined)
    throw new UsageError(`${wrong} is nothing that is measured: ${benchSuite.options.join(', ')}.`)
  return names.length === 0 ? undefined : benchSuite.options.filter((suite) => names.includes(suite))
}

function describe({ device, ceilings, results, batch }: BenchReport): string {
  const software = device.software ? ', a software adapter: these are figures of the processor, not of a GPU' : ''
  const number = (value: number) => (value < 100 ? value.toFixed(1) : value.toFixed(0))
  const percent = (share: number) => `${Math.round(100 * share)} %`
  const rows = [
    ['', 'measured', 'spread', 'possible', 'ratio'],
    ...ceilings.map(({ name, value, unit, spread }) => [name, `${number(value)} ${unit}`, percent(spread), '', '']),
    ...results.map(({ name, value, unit, roofline, ratio, spread, recallAt10 }) => [
      recallAt10 === undefined ? name : `${name} (recall@10 ${recallAt10.toFixed(3)})`,
      `${number(value)} ${unit}`,
      percent(spread),
      number(roofline),
      percent(ratio),
    ]),
  ]
  const knee = batch?.measuredKnee ? batch.measuredKnee.toFixed(1) : 'none within these sizes'
  const optimum = batch ? `\nB* by the ceilings ${batch.predictedBatch.toFixed(1)}, measured knee ${knee}\n` : ''
  return `${device.adapter} (${device.backend})${software}\n\n${table(rows)}${optimum}`
}
