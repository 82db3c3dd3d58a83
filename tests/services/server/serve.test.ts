import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { contract } from '../../../src/shared/contract'
import { connectTo } from '../../../src/main/host/connect'
import { readLock } from '../../../src/main/host/lock'
import { buildForNode } from '../host/build'
import { temporaryDirectory } from '../host/running'

const root = join(import.meta.dirname, '../../..')
let serve: Awaited<ReturnType<typeof buildForNode>>
let host: Awaited<ReturnType<typeof buildForNode>>
beforeAll(async () => {
  serve = await buildForNode(join(root, 'src/main/server/index.ts'))
  host = await buildForNode(join(import.meta.dirname, '../supervisor/counting-host.ts'))
  // Where the product's build has it: beside the entry that starts it.
  renameSync(host.file, join(dirname(serve.file), 'host.js'))
})
afterAll(() => {
  serve.remove()
  host.remove()
})

/** Starts the server; `output` resolves with its standard output once it has ended. */
function start(args: string[]): {
  child: ChildProcess
  address: Promise<URL>
  output: Promise<string>
  errors: () => string
} {
  const child = spawn(process.execPath, [serve.file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  let out = ''
  let err = ''
  child.stderr!.on('data', (chunk) => (err += String(chunk)))
  const address = new Promise<URL>((resolve, reject) => {
    child.stdout!.on('data', (chunk) => {
      out += String(chunk)
      if (out.includes('\n')) resolve(new URL(out.trim()))
    })
    child.once('exit', () => reject(new Error(`ended without an address: ${err}`)))
  })
  address.catch(() => undefined)
  return { child, address, output: once(child, 'close').then(() => out), errors: () => err }
}

it('prints one address, whose token lets a client in, and ends cleanly on SIGINT', async () => {
  const profile = temporaryDirectory()
  const { child, address, output } = start(['--profile', profile])
  const url = await address
  expect(url.hostname).toBe('127.0.0.1')
  const client = await connectTo(Number(url.port), url.searchParams.get('token')!)
  expect(await client.request(contract.modelsUnload, {})).toEqual({})
  await client.close()
  child.kill('SIGINT')
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
  expect((await output).split('\n')).toEqual([url.href, ''])
  expect(readLock(profile)).toBeNull()
})

it('says that a host was lost, and keeps the address', async () => {
  const profile = temporaryDirectory()
  const { address, errors } = start(['--profile', profile])
  const url = await address
  const { pid } = readLock(profile)!
  process.kill(pid, 'SIGKILL')
  await expect.poll(() => readLock(profile)?.pid ?? pid, { timeout: 5000 }).not.toBe(pid)
  expect(readLock(profile)).toMatchObject({ port: Number(url.port), token: url.searchParams.get('token') })
  expect(errors()).toContain('signal SIGKILL')
})

it.each([
  [['--port', 'http'], 2, '--port http'],
  [['--port', '70000'], 2, '70000'],
  [['--prot', '1'], 2, '--prot'],
  [['--profile', ''], 2, '--profile'],
])('refuses %j', async (args, code, message) => {
  const { child, errors } = start([...args])
  expect((await once(child, 'close'))[0]).toBe(code)
  expect(errors()).toContain(message)
  expect(errors()).not.toContain('    at ')
})

it('ends with one message when the profile is taken', async () => {
  const profile = temporaryDirectory()
  await start(['--profile', profile]).address
  const { child, errors } = start(['--profile', profile])
  expect((await once(child, 'close'))[0]).toBe(1)
  expect(errors()).toMatch(/^moru: Moru is already running .*\n$/)
})
