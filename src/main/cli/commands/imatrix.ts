/** moru imatrix. */
import { importanceRun } from '../../../shared/contract/quantize'
import { MoruError } from '../../../shared/errors'
import { calibrationFields, calibrationOf, calibrationOptions, calibrationUsage } from '../calibration-options'
import { checked, type Command, expectPositionals, pathOf } from '../command'
import { modelOf } from '../model-option'

export const imatrix: Command = {
  name: 'imatrix',
  usage: `MODEL --out PATH ${calibrationUsage}`,
  summary: 'Measures how much each input of a model counts, and writes it as an importance matrix',
  options: { out: { type: 'string' }, ...calibrationOptions },
  run: async (values, positionals, context) => {
    const [named] = expectPositionals(positionals, 'MODEL')
    const request = { model: named, path: pathOf(values.required('out')), calibration: calibrationOf(values) }
    const input = checked(importanceRun, request, { path: '--out', model: 'MODEL', ...calibrationFields })
    const model = await modelOf(named, context)
    const client = await context.client()
    for await (const event of client.stream(importanceRun, { ...input, model }, { signal: context.signal })) {
      if (event.kind === 'progress') {
        context.progress(`layer ${event.done} of ${event.total}`)
        continue
      }
      const { path, matrices, tokens, calibration, elapsedMs } = event.file
      if (!context.json) context.print(`${path}\n${matrices} matrices, ${tokens} tokens of ${calibration.name}\n`)
      return { path, matrices, tokens, calibration, elapsedMs }
    }
    throw new MoruError('internal', 'measuring ended without a result.')
  },
}
