/** Electron's entry as built, with a stand-in for Electron's module: it starts a real host and carries a question to it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { readLock } from '../../src/main/host/lock'
import { temporaryDirectory } from '../services/host/running'

const root = join(import.meta.dirname, '../..')

it('opens a sandboxed window, starts the host, relays a question and its answer, and ends both', async () => {
  const profile = temporaryDirectory()
  const standIn = pathToFileURL(join(import.meta.dirname, 'stand-in-electron.mjs')).href
  const hooks = `import { registerHooks } from 'node:module'
    registerHooks({ resolve: (name, context, next) =>
      name === 'electron' ? { url: ${JSON.stringify(standIn)}, shortCircuit: true } : next(name, context) })`
  const hook = `data:text/javascript,${encodeURIComponent(hooks)}`
  const entry = join(root, 'out/main/index.js')
  const child = spawn(process.execPath, ['--import', hook, entry, '--profile', profile], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, APP_PATH: root },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  const [code] = await once(child, 'close')
  const calls = output.trim().split('\n').map((line) => JSON.parse(line) as { call: string; value: unknown }) // prettier-ignore
  const valueOf = (call: string) => calls.find((c) => c.call === call)?.value

  expect(code).toBe(0)
  expect(valueOf('setPath')).toEqual(['userData', join(profile, 'window')])
  expect(valueOf('schemes')).toMatchObject([{ scheme: 'app', privileges: { standard: true, secure: true } }])
  expect(valueOf('menu')).toEqual(['파일', '편집', '보기', '도움말'])
  const { preload, ...preferences } = valueOf('window') as { preload: string }
  expect(preferences).toMatchObject({ contextIsolation: true, sandbox: true, nodeIntegration: false })
  expect(existsSync(preload)).toBe(true)
  expect(valueOf('load')).toBe('app://moru/')
  expect(valueOf('index')).toBe(200)
  const answer = JSON.parse(valueOf('moru:frame') as string)
  expect(answer).toMatchObject({ type: 'result', id: 1 })
  expect(answer.value).toContainEqual(expect.objectContaining({ source: 'bundled', chat: true }))
  const states = calls.filter((c) => c.call === 'moru:host-state').map((c) => c.value)
  expect(states.slice(0, 2)).toEqual(['away', 'ready'])
  expect(valueOf('messageBox')).toBeUndefined()
  expect(readLock(profile)).toBeNull()
})
