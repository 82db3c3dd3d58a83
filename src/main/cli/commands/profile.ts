/** moru profile. */
import { type ProfileReport, profilerRun } from '../../../shared/contract/profiler'
import { MoruError } from '../../../shared/errors'
import { checked, type Command, expectPositionals } from '../command'
import { modelOption } from '../model-option'
import { fieldOptions, loadOf, modelOptions } from '../sampling-options'

export const profile: Command = {
  name: 'profile',
  usage:
    '--prompt TEXT [--max-tokens 32] [--model MODEL] [--context N] [--compute-type f32|f16] [--kv-type f32|f16|int8]',
  summary: 'Where the time of an answer goes, kernel by kernel',
  options: { ...modelOptions, prompt: { type: 'string' }, 'max-tokens': { type: 'string' } },
  run: async (values, positionals, context) => {
    expectPositionals(positionals)
    const request = {
      prompt: values.required('prompt'),
      maxTokens: values.number('max-tokens'),
      model: values.filled('model') ?? null,
      load: loadOf(values),
    }
    const input = { ...checked(profilerRun, request, fieldOptions), model: await modelOption(values, context) }
    const client = await context.client()
    for await (const event of client.stream(profilerRun, input, { signal: context.signal })) {
      if (event.kind === 'progress') {
        context.progress(event.stage)
        continue
      }
      if (!context.json) context.print(describe(event.report))
      return event.report
    }
    throw new MoruError('internal', 'the profile ended without a result.')
  },
}

function describe(report: ProfileReport): string {
  const software = report.device.software
    ? ', a software adapter: these are figures of the processor, not of a GPU'
    : ''
  const kernelMs = report.kernels.reduce((sum, k) => sum + k.elapsedMs, 0)
  const ms = (value: number) => `${value.toFixed(1)} ms`
  const ceilings = report.ceilings.map((c) => `${c.name} ${c.value.toFixed(1)} ${c.unit}`).join(', ')
  const rows = [
    ['kernel', 'phase', 'calls', 'ms', 'share', 'GFLOP/s', 'GB/s', 'of ceiling', 'bound by'],
    ...report.kernels.map((k) => [
      k.name,
      k.phase,
      String(k.calls),
      k.elapsedMs.toFixed(2),
      `${(100 * k.share).toFixed(1)} %`,
      (k.flops / k.elapsedMs / 1e6).toFixed(1),
      (k.bytes / k.elapsedMs / 1e6).toFixed(1),
      `${Math.round(100 * k.achieved)} %`,
      k.bound.replace('_', ' '),
    ]),
  ]
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const lines = rows.map((row) => `${row.map((cell, i) => cell.padEnd(widths[i])).join('  ').trimEnd()}\n`) // prettier-ignore
  const times = `wall ${ms(report.wallMs)} = kernels ${ms(kernelMs)} + gaps ${ms(report.gapMs)} + host ${ms(report.hostMs)} + unattributed ${ms(report.unattributedMs)}`
  const cost = `beside it ${ms(report.profilingMs)} for reading stamps; a pair of stamps adds ${(report.stampCostMs * 1e3).toFixed(0)} us to a kernel`
  return `${report.device.adapter} (${report.device.backend})${software}\n${ceilings}\n\n${times}\n${cost}\n\n${lines.join('')}`
}
