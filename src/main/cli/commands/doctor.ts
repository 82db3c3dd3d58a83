/** moru doctor. */
import { type DoctorReport, engineDoctor } from '../../../shared/contract/engine'
import { type Command, expectPositionals } from '../command'
import { table } from '../table'

export const doctor: Command = {
  name: 'doctor',
  usage: '',
  summary: 'Shows what this machine offers the engine, and what each lack costs',
  options: {},
  run: async (_, positionals, context) => {
    expectPositionals(positionals)
    const client = await context.client()
    const report = await client.request(engineDoctor, {}, { signal: context.signal })
    if (!context.json) context.print(describe(report))
    return report
  },
}

function describe(report: DoctorReport): string {
  const rows = [
    ['adapter', report.adapter ? `${report.adapter}${report.software ? ' (software)' : ''}` : 'none found'],
    ...(report.adapter ? [['driver', report.driver ?? ''], ['backend', report.backend ?? '']] : []), // prettier-ignore
    ...(report.adapter ? [['features', report.features.join(' ')]] : []),
    ...Object.entries(report.limits).map(([name, value]) => [name, value.toLocaleString('en')]),
    ['node', report.node],
    ...Object.entries(report.versions),
  ]
  return [table(rows), ...report.notes.map((note) => `${note}\n`)].join('\n')
}
