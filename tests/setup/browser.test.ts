import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { addressWatcher, openCommand } from '../../scripts/browser.mjs'
import { put, temporaryFolder } from './temporary'

const url = 'http://127.0.0.1:41234/?token=abc_DEF-123'

describe('addressWatcher', () => {
  it('finds the address once its line is whole', () => {
    const found: string[] = []
    const watch = addressWatcher((address) => found.push(address))
    for (const piece of ['ready\n', url.slice(0, 12), url.slice(12, 40), url.slice(40)]) watch(piece)
    expect(found).toEqual([])
    watch('\nmore\n')
    watch(`${url}\n`)
    expect(found).toEqual([url])
  })

  it('opens no address of another machine', () => {
    const found: string[] = []
    addressWatcher((address) => found.push(address))('http://example.org:80/ http://127.0.0.1.example.org:80/\n')
    expect(found).toEqual([])
  })
})

describe('openCommand', () => {
  it('asks the desktop on Linux where it has an opener and a display', () => {
    const folder = temporaryFolder()
    const opener = put(folder, 'xdg-open', '#!/bin/sh\n')
    chmodSync(opener, 0o755)
    const desktop = { DISPLAY: ':0', PATH: `/nonexistent:${folder}` }
    expect(openCommand(url, { platform: 'linux', env: desktop })).toEqual([opener, url])
    expect(openCommand(url, { platform: 'linux', env: { PATH: folder } })).toBeNull()
    chmodSync(opener, 0o644)
    expect(openCommand(url, { platform: 'linux', env: { ...desktop, PATH: join(folder, 'none') } })).toBeNull()
  })

  it('never passes through a shell', () => {
    expect(openCommand(url, { platform: 'win32', env: {} })).toEqual(['rundll32', 'url.dll,FileProtocolHandler', url])
    expect(openCommand(url, { platform: 'darwin', env: {} })).toEqual(['open', url])
  })
})
