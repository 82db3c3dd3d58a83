// Moru's command line, as its users call it.
import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const root = resolve(import.meta.dirname, '../..')
const profile = mkdtempSync(join(tmpdir(), 'moru-peers-'))

/** The JSON that a command of Moru prints; its own profile, so that no running host answers. */
export async function moru(...options) {
  const launch = [join(root, 'scripts/launch.mjs'), 'moru', ...options, '--json', '--profile', profile]
  const { stdout } = await promisify(execFile)(process.execPath, launch, { maxBuffer: 64 << 20 })
  return JSON.parse(stdout)
}
