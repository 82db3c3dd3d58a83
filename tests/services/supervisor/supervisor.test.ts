import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { contract, type HostFrame } from '../../../src/shared/contract'
import { connectTo } from '../../../src/main/host/connect'
import { readLock } from '../../../src/main/host/lock'
import { type HostState, Supervisor, type SupervisorOptions } from '../../../src/main/supervisor/supervisor'
import { buildForNode } from '../host/build'
import { temporaryDirectory } from '../host/running'

let entry: Awaited<ReturnType<typeof buildForNode>>
beforeAll(async () => {
  entry = await buildForNode(join(import.meta.dirname, 'counting-host.ts'))
})
afterAll(() => entry.remove())

function supervise(options: Partial<SupervisorOptions> = {}) {
  const profile = options.profile ?? temporaryDirectory()
  const supervisor = new Supervisor({ node: process.execPath, entry: entry.file, profile, ...options })
  onTestFinished(() => supervisor.stop())
  const states: HostState['kind'][] = []
  supervisor.onState((state) => states.push(state.kind))
  return { supervisor, profile, states }
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('restarting', () => {
  it('is usable again within 5 s after kill -9 in the middle of a stream, on the same port with the same token', async () => {
    const { supervisor, profile, states } = supervise()
    let { port, token, pid } = await supervisor.start()
    for (let round = 0; round < 3; round++) {
      const client = await connectTo(port, token)
      const seen: number[] = []
      const watching = (async () => {
        for await (const status of client.stream(contract.engineFollow, {})) seen.push(status.tokensPerSecond!)
      })()
      await expect.poll(() => seen.length).toBeGreaterThan(3)
      process.kill(pid, 'SIGKILL')
      const killedAt = performance.now()
      await expect(watching).rejects.toMatchObject({ code: 'network' })

      await expect
        .poll(() => supervisor.state.kind === 'ready' && supervisor.state.pid !== pid, { timeout: 5000 })
        .toBe(true)
      const again = await connectTo(port, token)
      expect(await again.request(contract.modelsUnload, {})).toEqual({})
      expect(performance.now() - killedAt).toBeLessThan(5000)
      await again.close()
      const now = await supervisor.start()
      expect([now.port, now.token]).toEqual([port, token])
      expect(readLock(profile)).toMatchObject({ pid: now.pid, port, token })
      ;({ port, token, pid } = now)
    }
    expect(states).toEqual(['starting', 'ready', 'restarting', 'ready', 'restarting', 'ready', 'restarting', 'ready'])
  })

  it('starts a host again that asks for it, however often, without counting it as a crash', async () => {
    const { supervisor } = supervise({ limits: { perMinute: 1, failedStarts: 1 } })
    const { port, token } = await supervisor.start()
    for (let round = 0; round < 3; round++) {
      const before = (await supervisor.start()).pid
      const client = await connectTo(port, token)
      await client.request(contract.profileRestore, { path: 'backup' })
      await expect
        .poll(() => supervisor.state.kind === 'ready' && supervisor.state.pid !== before, { timeout: 5000 })
        .toBe(true)
    }
  })

  it('gives up on a host that never comes up, and says where its log is; a later start tries again', async () => {
    const { supervisor, profile } = supervise({ limits: { failedStarts: 2 } })
    writeFileSync(join(profile, 'crash-at-start'), '')
    await expect(supervisor.start()).rejects.toThrow(/keeps ending.*signal SIGSEGV.*host\.log/s)
    expect(supervisor.state.kind).toBe('failed')
    const starts = readFileSync(supervisor.logPath, 'utf8').match(/host \d+ started/g)
    expect(starts).toHaveLength(3)
    rmSync(join(profile, 'crash-at-start'))
    expect((await supervisor.start()).port).toBeGreaterThan(0)
  })

  it('gives up on a host that dies again and again although it comes up', async () => {
    const { supervisor } = supervise({ limits: { perMinute: 2 } })
    await supervisor.start()
    for (let round = 0; round < 3; round++) {
      const { pid } = await supervisor.start()
      process.kill(pid, 'SIGKILL')
      await expect.poll(() => supervisor.state.kind === 'ready' && supervisor.state.pid === pid).toBe(false)
    }
    expect(supervisor.state.kind).toBe('failed')
  })

  it('does not try again what was refused for a reason, and passes the reason on', async () => {
    const { supervisor, profile, states } = supervise()
    writeFileSync(join(profile, 'refuse'), '')
    await expect(supervisor.start()).rejects.toMatchObject({ code: 'io', message: 'The database is on fire.' })
    expect(states).toEqual(['starting', 'failed'])
  })

  it('says so when the profile has a host already', async () => {
    const first = supervise()
    const { port } = await first.supervisor.start()
    const second = supervise({ profile: first.profile })
    await expect(second.supervisor.start()).rejects.toMatchObject({ code: 'busy' })
    await expect(second.supervisor.start()).rejects.toThrow(`http://127.0.0.1:${port}`)
  })

  it('says so when there is no such Node', async () => {
    const { supervisor } = supervise({ node: '/nowhere/node', limits: { failedStarts: 0 } })
    await expect(supervisor.start()).rejects.toThrow('/nowhere/node')
  })
})

describe('stopping', () => {
  it('lets the host close its services and take its lock with it', async () => {
    const { supervisor, profile } = supervise()
    const { pid } = await supervisor.start()
    await supervisor.stop()
    expect(isAlive(pid)).toBe(false)
    expect(existsSync(join(profile, 'closed'))).toBe(true)
    expect(readLock(profile)).toBeNull()
    expect(supervisor.state.kind).toBe('stopped')
  })

  it('kills a host that does not listen', async () => {
    const { supervisor } = supervise({ stopTimeoutMs: 300 })
    const { pid, port, token } = await supervisor.start()
    const client = await connectTo(port, token)
    const answer = client.request(contract.chatStop, { messageId: 'm' })
    answer.catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await supervisor.stop()
    expect(isAlive(pid)).toBe(false)
    await expect(answer).rejects.toMatchObject({ code: 'network' })
  })

  it('takes the host along when the parent is killed', async () => {
    const profile = temporaryDirectory()
    const script = `
      const child = require('node:child_process').spawn(process.execPath, [${JSON.stringify(entry.file)}, '--profile', ${JSON.stringify(profile)}],
        { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
      child.on('message', () => console.log(child.pid))`
    const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const pid = Number(String(await once(parent.stdout, 'data')))
    expect(isAlive(pid)).toBe(true)
    parent.kill('SIGKILL')
    await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false)
    expect(existsSync(join(profile, 'closed'))).toBe(true)
  })
})

describe('the channel to the parent', () => {
  it('serves a connection for each window, and forgets those that close', async () => {
    const { supervisor } = supervise()
    await supervisor.start()
    const frames: Record<string, HostFrame[]> = {}
    supervisor.onMessage((m) => m.kind === 'frame' && (frames[m.connection] ??= []).push(JSON.parse(m.text)))
    const ask = (connection: string, id: number, route: string) =>
      supervisor.send({ kind: 'frame', connection, text: JSON.stringify({ type: 'request', id, route, input: {} }) })
    ask('a', 1, 'engine.follow')
    ask('b', 1, 'models.unload')
    await expect.poll(() => frames.a?.length).toBeGreaterThan(2)
    expect(frames.b).toEqual([{ type: 'result', id: 1, value: {} }])
    supervisor.send({ kind: 'close', connection: 'a' })
    ask('b', 2, 'models.unload')
    await expect.poll(() => frames.b.length).toBe(2)
    const before = frames.a.length
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(frames.a.length - before).toBeLessThanOrEqual(1)
  })

  it('reports a connection that the host ends, and loses nothing else with it', async () => {
    const { supervisor } = supervise()
    await supervisor.start()
    const closed: string[] = []
    supervisor.onMessage((m) => m.kind === 'closed' && closed.push(m.connection))
    supervisor.send({ kind: 'frame', connection: 'a', text: 'not a frame' })
    await expect.poll(() => closed).toEqual(['a'])
    expect(supervisor.state.kind).toBe('ready')
  })
})

it('keeps the token out of the host’s environment, and what the host prints in the log', async () => {
  const { supervisor } = supervise()
  const { port, token, pid } = await supervisor.start()
  process.kill(pid, 'SIGKILL')
  await expect.poll(() => supervisor.state.kind === 'ready' && supervisor.state.pid !== pid).toBe(true)
  const client = await connectTo(port, token)
  await client.request(contract.modelsUnload, {})
  await client.close()
  await expect.poll(() => readFileSync(supervisor.logPath, 'utf8')).toContain('token in the environment: null')
  expect(readFileSync(supervisor.logPath, 'utf8')).not.toContain(token)
})
