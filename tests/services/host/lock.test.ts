import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { connect } from '../../../src/main/host/connect'
import { lockProfile, readLock } from '../../../src/main/host/lock'
import { runningHost, temporaryDirectory } from './running'

it('refuses a second host of the same profile, and names the first', async () => {
  const host = await runningHost({})
  const second = runningHost({}, host.profile)
  await expect(second).rejects.toMatchObject({ code: 'busy' })
  await expect(second).rejects.toThrow(new RegExp(`process ${process.pid} .*:${host.port}.*--profile`))
  await host.stop()
  await runningHost({}, host.profile)
})

it('keeps the token from other users, and leaves no lock file behind', async () => {
  const host = await runningHost({})
  const path = join(host.profile, 'host.lock')
  expect(readLock(host.profile)).toMatchObject({ pid: process.pid, port: host.port, token: host.token })
  if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600)
  await host.stop()
  expect(existsSync(path)).toBe(false)
})

it('takes over from a host that was killed, even when its process id lives on in another program', async () => {
  const profile = temporaryDirectory()
  // Holds the guard as a host does, until it is killed.
  const script = `
    const Database = require('better-sqlite3')
    const guard = new Database(${JSON.stringify(join(profile, 'host.guard'))})
    guard.exec('BEGIN EXCLUSIVE')
    console.log('held')
    setInterval(() => guard.open, 1000)`
  const holder = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void holder.kill('SIGKILL'))
  await once(holder.stdout, 'data')
  const info = { pid: holder.pid!, port: 9, token: 'held', startedAt: 0 }
  writeFileSync(join(profile, 'host.lock'), JSON.stringify(info))
  await expect(lockProfile(profile)).rejects.toThrow('already running')

  holder.kill('SIGKILL')
  await once(holder, 'exit')
  const stale = { pid: process.ppid, port: 9, token: 'stale', startedAt: 0 }
  writeFileSync(join(profile, 'host.lock'), JSON.stringify(stale))
  expect(await connect(profile)).toBeNull()
  const host = await runningHost({}, profile)
  expect(readLock(profile)).toMatchObject({ pid: process.pid, port: host.port })
})

it('waits for a host that is ending', async () => {
  const profile = temporaryDirectory()
  const ending = await lockProfile(profile)
  ending.publish({ port: 9, token: 't' })
  ending.retract()
  const next = lockProfile(profile)
  setTimeout(() => ending.release(), 200)
  const started = performance.now()
  const lock = await next
  expect(performance.now() - started).toBeGreaterThan(150)
  lock.release()
})

it.each(['', '{', '{"pid":"1"}', '{"pid":1,"port":99999,"token":"t","startedAt":0}'])(
  'does not trip over a lock file that holds %j',
  async (text) => {
    const profile = temporaryDirectory()
    writeFileSync(join(profile, 'host.lock'), text)
    expect(await connect(profile)).toBeNull()
    expect((await runningHost({}, profile)).port).toBeGreaterThan(0)
  },
)
