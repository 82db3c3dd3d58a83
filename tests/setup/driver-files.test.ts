import { utimesSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { driverFiles, driverKey } from '../../scripts/driver-files.mjs'
import { put, temporaryFolder } from './temporary'

const manifest = (library: string) => JSON.stringify({ ICD: { api_version: '1.4.305', library_path: library } })

/** A system with one driver for all and one of a user's own. */
function system() {
  const root = temporaryFolder()
  const library = put(root, 'lib/libvulkan_lvp.so', 'ELF')
  const shared = put(root, 'usr/share/vulkan/icd.d/lvp_icd.json', manifest(library))
  const own = put(root, 'home/.local/share/vulkan/icd.d/own.json', manifest('/nowhere/lib.so'))
  put(root, 'usr/share/vulkan/icd.d/README', '')
  return { root, library, shared, own, env: { HOME: join(root, 'home') } }
}

describe('driverFiles', () => {
  it("finds the system's and the user's manifests and nothing else", () => {
    const { root, shared, own, env } = system()
    expect(driverFiles(env, root)).toEqual([own, shared].sort())
  })

  it('looks only at the named ones where some are named', () => {
    const { root, own, env } = system()
    for (const name of ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'])
      expect(driverFiles({ ...env, [name]: own + delimiter + join(root, 'gone.json') }, root)).toEqual([own])
  })

  it('adds named ones to the others', () => {
    const { root, shared, own, env } = system()
    const extra = put(root, 'elsewhere/extra.json', manifest('/x.so'))
    expect(driverFiles({ ...env, VK_ADD_DRIVER_FILES: join(root, 'elsewhere') }, root)).toEqual(
      [extra, own, shared].sort(),
    )
  })

  it('searches the folders that the session lists', () => {
    const { root, shared, own, env } = system()
    const extra = put(root, 'run/share/vulkan/icd.d/extra.json', manifest('/x.so'))
    const session = { ...env, XDG_DATA_DIRS: `/nonexistent${delimiter}${join(root, 'run/share')}` }
    expect(driverFiles(session, root)).toEqual([extra, own, shared].sort())
  })

  it('finds nothing on a bare system', () => {
    const root = temporaryFolder()
    expect(driverFiles({ HOME: join(root, 'home') }, root)).toEqual([])
  })
})

describe('driverKey', () => {
  it('stays while nothing changes', () => {
    const { shared, env } = system()
    expect(driverKey([shared], '0.6.2', env)).toBe(driverKey([shared], '0.6.2', env))
  })

  it("changes with a manifest, a driver's library, the WebGPU library and Vulkan's variables", () => {
    const { root, shared, own, library, env } = system()
    const keys = [driverKey([shared], '0.6.2', env), driverKey([shared, own], '0.6.2', env)]
    keys.push(
      driverKey([shared], '0.6.3', env),
      driverKey([shared], '0.6.2', { ...env, VK_LOADER_DRIVERS_DISABLE: '*' }),
    )
    utimesSync(library, new Date(1e12), new Date(1e12))
    keys.push(driverKey([shared], '0.6.2', env))
    put(root, 'usr/share/vulkan/icd.d/lvp_icd.json', '{')
    keys.push(driverKey([shared], '0.6.2', env))
    expect(new Set(keys).size).toBe(keys.length)
  })
})
