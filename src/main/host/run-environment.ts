/** What runs are done with: program, build and machine, for their rows in the run history. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { version } from '../../../package.json'
import { type EngineStatus } from '../../shared/contract/engine'
import { type RunEnvironment } from '../../shared/contract/runs'

let build: string | null | undefined

/** `bundledModels`: resources/models of the program, from which its build is found. */
export function runEnvironment({ adapter, software }: EngineStatus, bundledModels: string): RunEnvironment {
  // null is an answer too: the file is looked for once.
  if (build === undefined) build = buildOf(join(bundledModels, '../../out/stamp.json'))
  return { version, build, node: process.version, platform: `${process.platform}-${process.arch}`, adapter, software }
}

/** The first digits of the hash of the sources; null where the program was put together another way. */
function buildOf(stamp: string): string | null {
  try {
    const { fingerprint } = JSON.parse(readFileSync(stamp, 'utf8')) as { fingerprint?: unknown }
    return typeof fingerprint === 'string' ? fingerprint.slice(0, 12) : null
  } catch {
    return null
  }
}
