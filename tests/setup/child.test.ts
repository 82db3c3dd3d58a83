import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { capture } from '../../scripts/child.mjs'
import { put, temporaryFolder } from './temporary'

const script = join(import.meta.dirname, '../../scripts/child.mjs')

/** Starts a process, behind a shell or not, that runs `inner` in the foreground; answers what it prints and how it ends. */
function runForeground(inner: string, onReady: (pid: number) => void, throughShell = false) {
  const file = put(temporaryFolder(), 'outer.mjs', '')
  put(join(file, '..'), 'inner.mjs', inner)
  put(
    join(file, '..'),
    'outer.mjs',
    `import { foreground } from ${JSON.stringify(script)}
     process.exitCode = await foreground(process.execPath, [${JSON.stringify(join(file, '..', 'inner.mjs'))}])`,
  )
  return new Promise<{ code: number | null; output: string }>((resolve) => {
    const env = { ...process.env, npm_lifecycle_event: 'start' }
    const [program, args] = throughShell
      ? ['/bin/sh', ['-c', `'${process.execPath}' '${file}'; exit`]]
      : [process.execPath, [file]]
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    let told = false
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (told || !output.includes('ready')) return
      told = true
      onReady(child.pid!)
    })
    child.on('close', (code) => resolve({ code, output }))
  })
}

describe('foreground', () => {
  it.each<NodeJS.Signals>(['SIGINT', 'SIGTERM', 'SIGHUP'])(
    'passes %s on once and takes over the exit code',
    async (signal) => {
      const inner = `let count = 0
      process.on('${signal}', () => { count++; setTimeout(() => { console.log('signals ' + count); process.exit(7) }, 200) })
      console.log('ready'); setInterval(() => {}, 1000)`
      const { code, output } = await runForeground(inner, (pid) => {
        process.kill(pid, signal)
        setTimeout(() => process.kill(pid, signal), 50)
      })
      expect({ code, output }).toEqual({ code: 7, output: 'ready\nsignals 1\n' })
    },
  )

  it('ends when the shell that npm put between is gone', async () => {
    const inner = `process.on('SIGTERM', () => { console.log('told'); process.exit(0) })
      console.log('ready'); setInterval(() => {}, 1000)`
    const { output } = await runForeground(inner, (pid) => process.kill(pid, 'SIGKILL'), true)
    expect(output).toBe('ready\ntold\n')
  })

  it('reports a death by signal as shells do', async () => {
    const { code } = await runForeground(`console.log('ready'); process.kill(process.pid, 'SIGKILL')`, () => {})
    expect(code).toBe(137)
  })
})

describe('capture', () => {
  it('keeps both streams and the exit code, whatever the locale', async () => {
    const code = `console.log('모루 ✓'); console.error('err'); process.exitCode = 3`
    const env = { PATH: process.env.PATH, LC_ALL: 'C' }
    const { status, output } = await capture(process.execPath, ['-e', code], { env })
    expect(status).toBe(3)
    expect(output).toContain('모루 ✓\n')
    expect(output).toContain('err\n')
  })

  it('answers for a program that is not there', async () => {
    expect(await capture('/nonexistent/program', [])).toMatchObject({ status: 127, timedOut: false })
  })

  it('ends at its time limit, with everything that the program started', async () => {
    const folder = temporaryFolder()
    const late = join(folder, 'late')
    const grandchild = `setTimeout(() => require('fs').writeFileSync(${JSON.stringify(late)}, ''), 1200)`
    const code = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}], { stdio: 'inherit' })
      setInterval(() => {}, 1000)`
    const start = performance.now()
    const { timedOut } = await capture(process.execPath, ['-e', code], { timeoutMs: 500 })
    expect(timedOut).toBe(true)
    expect(performance.now() - start).toBeLessThan(5_000)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(existsSync(late)).toBe(false)
  })
})
