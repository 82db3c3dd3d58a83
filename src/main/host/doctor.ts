/** What this machine offers the engine, and what each lack costs. */
import { createRequire } from 'node:module'
import { version } from '../../../package.json'
import { type DoctorReport } from '../../shared/contract/engine'
import { toMoruError } from '../../shared/errors'
import { type AdapterReport, inspectAdapter } from '../engine'

const requireFrom = createRequire(import.meta.url)

/** Looks at the adapter without opening a device. A machine without one gets a report that says so. */
export async function doctor(): Promise<DoctorReport> {
  const common = { node: process.version, versions: versions() }
  try {
    const report = await inspectAdapter()
    return { ...report, ...common, notes: adapterNotes(report) }
  } catch (thrown) {
    const { code, message } = toMoruError(thrown)
    if (code !== 'no_adapter') throw thrown
    const nothing = { adapter: null, driver: null, backend: null, software: false, features: [], limits: {} }
    return { ...nothing, ...common, notes: [message] }
  }
}

/** What is missing and what that costs, each a sentence. */
export function adapterNotes({ software, features, limits }: Pick<AdapterReport, 'software' | 'features' | 'limits'>) {
  const lacks: [boolean, string][] = [
    [
      software,
      'This is a software adapter: the processor does the work of a graphics card, many times slower. A driver for the graphics card, if there is one, changes that.',
    ],
    [
      !features.includes('shader-f16'),
      'Without shader-f16 the engine computes in f32: activations take twice the memory traffic, and the compute type f16 has no effect.',
    ],
    [
      !features.includes('subgroups'),
      'Without subgroups sums go through workgroup memory, which makes matrix-vector products slower.',
    ],
    [
      !features.includes('timestamp-query'),
      'Without timestamp-query the time of single kernels cannot be measured; everything else works.',
    ],
    [
      (limits.maxStorageBufferBindingSize ?? 0) < 2 ** 30,
      `A kernel can bind ${mebibytes(limits.maxStorageBufferBindingSize)} at most here: larger matrices are split into several, and the context of a model is limited by what one layer's keys take.`,
    ],
  ]
  return lacks.filter(([missing]) => missing).map(([, note]) => note)
}

const mebibytes = (bytes = 0) => `${Math.floor(bytes / 2 ** 20).toLocaleString('en')} MiB`

function versions(): Record<string, string> {
  const of = (name: string) => (requireFrom(`${name}/package.json`) as { version: string }).version
  const { v8, uv } = process.versions
  return { moru: version, webgpu: of('webgpu'), 'better-sqlite3': of('better-sqlite3'), v8, uv }
}
