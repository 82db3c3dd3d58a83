/** The text that shows which inputs a model's matrices get, as options. */
import { pathOf, type Values } from './command'

export const calibrationOptions = {
  calibration: { type: 'string' },
  'calibration-windows': { type: 'string' },
  'calibration-window': { type: 'string' },
} as const

export const calibrationUsage = '[--calibration FILE] [--calibration-windows 16] [--calibration-window 256]'

/** What `checked` calls its fields. */
export const calibrationFields = { windows: '--calibration-windows', window: '--calibration-window' }

export function calibrationOf(values: Values) {
  const file = values.filled('calibration')
  return {
    source: file === undefined ? { kind: 'bundled' as const } : { kind: 'file' as const, path: pathOf(file) },
    windows: values.number('calibration-windows'),
    window: values.number('calibration-window'),
  }
}
