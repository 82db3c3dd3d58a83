/** Runs the built command line as a person does: a process of its own, with its own profile. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureBuild } from '../../../scripts/build.mjs'

export const root = join(import.meta.dirname, '../../..')
const entry = join(root, 'out/main/moru.js')

/** For beforeAll: a fresh clone has no build yet. */
export const built = () => ensureBuild(process.execPath)

export interface Ended {
  code: number | null
  out: string
  /** Without the lines that the graphics driver's library writes by itself. */
  err: string
}

export interface RunOptions {
  input?: string | Buffer
  env?: Record<string, string>
  cwd?: string
  /** A command that runs the one it is given. */
  through?: string[]
  /** Sees the process once it runs. */
  onStart?: (child: ChildProcess) => void
}

/** A data directory for one test file; `remove` is for afterAll. */
export function temporaryProfile(): { profile: string; remove: () => void } {
  const profile = mkdtempSync(join(tmpdir(), 'moru-cli-'))
  return { profile, remove: () => rmSync(profile, { recursive: true, force: true }) }
}

/** Runs `moru` with these arguments to its end. */
export function moru(args: string[], options: RunOptions = {}): Promise<Ended> {
  const { input = '', env, cwd = root, through = [], onStart } = options
  const [command, ...words] = [...through, process.execPath, entry, ...args]
  const child = spawn(command, words, { cwd, env: { ...process.env, ...env } })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  onStart?.(child)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, err: withoutDawn(err) }))
  })
}

/** The value that `--json` printed: exactly one line. Throws with what went wrong otherwise. */
export async function moruJson<T>(args: string[], options?: RunOptions): Promise<T> {
  const { code, out, err } = await moru([args[0], '--json', ...args.slice(1)], options)
  if (code !== 0) throw new Error(`moru ${args.join(' ')} ended with ${code}: ${err}`)
  if (out.indexOf('\n') !== out.length - 1) throw new Error(`more than one line: ${out}`)
  return JSON.parse(out) as T
}

/** Nothing like a Vulkan driver is found with these. */
export const noAdapter = { VK_DRIVER_FILES: '/nonexistent', VK_ICD_FILENAMES: '/nonexistent' }

function withoutDawn(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^Warning: |^ {4}at \S+ \(\/home\/runner|^$/.test(line))
    .join('\n')
}
