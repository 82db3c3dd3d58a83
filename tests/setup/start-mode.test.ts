import { describe, expect, it } from 'vitest'
import { startFlags, startMode } from '../../scripts/start-mode.mjs'

const desktop = {
  platform: 'linux',
  env: { DISPLAY: ':0' },
  isRoot: false,
  electronInstalled: true,
  electronFailed: false,
}

describe('startMode', () => {
  it.each([
    ['a desktop', {}, 'window'],
    ['a Wayland desktop', { env: { WAYLAND_DISPLAY: 'wayland-0' } }, 'window'],
    ['Windows', { platform: 'win32', env: {} }, 'window'],
    ['macOS', { platform: 'darwin', env: {} }, 'window'],
    ['no display', { env: {} }, 'browser'],
    ['an empty DISPLAY', { env: { DISPLAY: '' } }, 'browser'],
    ['no display and no binary', { env: {}, electronInstalled: false }, 'browser'],
    ['no binary yet', { electronInstalled: false }, 'fetch window'],
    ['a binary that could not be fetched', { electronInstalled: false, electronFailed: true }, 'browser'],
    ['a binary that came after a failure', { electronFailed: true }, 'window'],
    ['root', { isRoot: true }, 'browser'],
  ])('%s: %#', (_name, change, mode) => {
    expect(startMode(null, { ...desktop, ...change }).mode).toBe(mode)
  })

  it('gives what is asked for', () => {
    expect(startMode('browser', desktop).mode).toBe('browser')
    expect(startMode('window', { ...desktop, isRoot: true }).mode).toBe('window')
    expect(startMode('window', { ...desktop, electronInstalled: false, electronFailed: true }).mode).toBe(
      'fetch window',
    )
  })

  it('refuses a window without a display', () => {
    expect(() => startMode('window', { ...desktop, env: {} })).toThrow('no display')
  })
})

describe('startFlags', () => {
  it('keeps its own flags and leaves the rest to the product', () => {
    expect(startFlags(['--port', '8080', '--no-open', '--browser'])).toEqual({
      asked: 'browser',
      open: false,
      rest: ['--port', '8080'],
    })
    expect(startFlags([])).toEqual({ asked: null, open: true, rest: [] })
  })

  it('refuses both at once as wrong usage', () => {
    expect(() => startFlags(['--window', '--browser'])).toThrow(expect.objectContaining({ exitCode: 2 }))
  })
})
