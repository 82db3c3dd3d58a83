/** moru profile. */
import { writeFile } from 'node:fs/promises'
import { chromeTrace } from '../../../shared/chrome-trace'
import { type Ceiling } from '../../../shared/contract/ceilings'
import { type ProfileReport, profilerRun, profilerTimeline } from '../../../shared/contract/profiler'
import { MoruError } from '../../../shared/errors'
import { checked, type Command, type Context, expectPositionals } from '../command'
import { modelOption } from '../model-option'
import { fieldOptions, loadOf, modelOptions } from '../sampling-options'
import { table } from '../table'

export const profile: Command = {
  name: 'profile',
  usage:
    '--prompt TEXT [--max-tokens 32] [--trace FILE] [--model MODEL] [--context N] [--compute-type f32|f16] [--kv-type f32|f16|int8] [--unfused]',
  summary: 'Where the time of an answer goes, kernel by kernel; --trace writes a timeline for Perfetto',
  options: {
    ...modelOptions,
    prompt: { type: 'string' },
    'max-tokens': { type: 'string' },
    trace: { type: 'string' },
    unfused: { type: 'boolean' },
  },
  run: async (values, positionals, context) => {
    expectPositionals(positionals)
    const request = {
      prompt: values.required('prompt'),
      maxTokens: values.number('max-tokens'),
      model: values.filled('model') ?? null,
      load: { ...loadOf(values), ...(values.flag('unfused') && { fused: false }) },
    }
    const trace = values.filled('trace')
    const input = { ...checked(profilerRun, request, fieldOptions), model: await modelOption(values, context) }
    const client = await context.client()
    for await (const event of client.stream(profilerRun, input, { signal: context.signal })) {
      if (event.kind === 'progress') {
        context.progress(event.stage)
        continue
      }
      if (trace !== undefined) await writeTrace(trace, event.runId, event.report, context)
      if (!context.json) context.print(describe(event.report))
      return { runId: event.runId, ...event.report }
    }
    throw new MoruError('internal', 'the profile ended without a result.')
  },
}

async function writeTrace(path: string, runId: string, report: ProfileReport, context: Context): Promise<void> {
  const client = await context.client()
  const timeline = await client.request(profilerTimeline, { runId })
  const { device, model } = report
  const text = JSON.stringify(chromeTrace(timeline, { model: model.name, adapter: device.adapter, runId }))
  await writeFile(path, text).catch((cause: Error) => {
    throw new MoruError('io', `The trace cannot be written to ${path}: ${cause.message}.`, { cause })
  })
  context.note(`${path}: open it in https://ui.perfetto.dev or chrome://tracing`)
}

const ms = (value: number) => `${value.toFixed(1)} ms`
const figure = (value: number) => (value < 100 ? value.toFixed(1) : value.toFixed(0))

function describe(report: ProfileReport): string {
  const software = report.device.software
    ? ', a software adapter: these are figures of the processor, not of a GPU'
    : ''
  const how = report.fused === false ? ', matrices one by one,' : ''
  const head = `${report.model.name}${how} on ${report.device.adapter} (${report.device.backend})${software}`
  return [head, ceilingLines(report.ceilings), timeLines(report), kernelLines(report)].join('\n\n')
}

function ceilingLines(ceilings: Ceiling[]): string {
  return table([
    ['ceiling', 'best', 'spread'],
    ...ceilings.map((c) => [c.name, `${figure(c.value)} ${c.unit}`, `${Math.round(100 * c.spread)} %`]),
  ])
}

function timeLines(report: ProfileReport): string {
  const { host, gaps } = report
  const kernelMs = report.kernels.reduce((sum, k) => sum + k.elapsedMs, 0)
  const share = (value: number) => `${((100 * value) / report.wallMs).toFixed(1)} %`
  const part = (name: string, value: number, what = '') => [name, ms(value), share(value), what]
  return table([
    part('wall', report.wallMs, `without profiling: ${ms(report.plainWallMs)}${timesOf(report)}`),
    part('kernels', kernelMs),
    part('gaps', report.gapMs, `launch ${ms(gaps.launchMs)}, between ${ms(gaps.betweenMs)}, wake ${ms(gaps.wakeMs)}`),
    part(
      'host',
      report.hostMs,
      `record ${ms(host.recordMs)}, submit ${ms(host.submitMs)}, sample ${ms(host.sampleMs)}, deliver ${ms(host.deliverMs)}`,
    ),
    part('unattributed', report.unattributedMs),
    ['profiling', ms(report.profilingMs), '', profilingCost(report)],
  ])
}

const timesOf = ({ rounds = 1 }: ProfileReport) => (rounds > 1 ? `; the quickest of ${rounds} runs each` : '')

function profilingCost({ timing, stampCostMs, profiling }: ProfileReport): string {
  if (timing === 'submits')
    return 'no time stamps here: kernels were timed afterwards, in submissions of their own, less what a submission costs'
  const each = `${(stampCostMs * 1e3).toFixed(1)} us a pair, taken off each kernel`
  return `beside the wall time: stamps ${ms(profiling?.stampsMs ?? 0)} (${each}), reading them ${ms(profiling?.readMs ?? 0)}`
}

function kernelLines(report: ProfileReport): string {
  return table([
    ['kernel', 'phase', 'calls', 'ms', 'share', 'GFLOP/s', 'GB/s', 'flops/byte', 'of ceiling', 'bound by'],
    ...report.kernels.map((k) => [
      k.name,
      k.phase,
      String(k.calls),
      k.elapsedMs.toFixed(2),
      `${(100 * k.share).toFixed(1)} %`,
      (k.flops / k.elapsedMs / 1e6).toFixed(1),
      (k.bytes / k.elapsedMs / 1e6).toFixed(1),
      k.intensity.toFixed(2),
      `${Math.round(100 * k.achieved)} %`,
      `${k.bound.replace('_', ' ')} (${k.ceiling})`,
    ]),
  ])
}
