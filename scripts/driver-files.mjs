// @ts-check
/** Which Vulkan drivers are registered on this machine, as the Vulkan loader would find them. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'

const libraryDirs = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/lib',
]
const loader = 'libvulkan.so.1'
// A card that comes or goes changes the answer without any file of the driver changing.
const deviceDirs = ['/dev/dri', '/dev/nvidiactl', '/dev/kfd', '/dev/dxg']

/**
 * The manifest files of the registered drivers (ICDs).
 * @param {NodeJS.ProcessEnv} [env]
 * @param {string} [systemRoot] '/' but in tests.
 * @returns {string[]} Paths that exist, sorted.
 */
export function driverFiles(env = process.env, systemRoot = '/') {
  const named = env.VK_DRIVER_FILES || env.VK_ICD_FILENAMES
  const places = named
    ? named.split(delimiter)
    : [...searchDirs(env, systemRoot), ...(env.VK_ADD_DRIVER_FILES ?? '').split(delimiter)]
  return [...new Set(places.filter(Boolean).flatMap(manifests))].sort()
}

/** @param {NodeJS.ProcessEnv} env @param {string} systemRoot */
function searchDirs(env, systemRoot) {
  const home = env.HOME || homedir()
  const own = [env.XDG_CONFIG_HOME || join(home, '.config'), env.XDG_DATA_HOME || join(home, '.local/share')]
  const listed = [env.XDG_CONFIG_DIRS || '/etc/xdg', env.XDG_DATA_DIRS || ''].flatMap((dirs) => dirs.split(delimiter))
  const system = ['etc', 'usr/local/share', 'usr/share', 'usr/local/etc'].map((dir) => join(systemRoot, dir))
  return [...own, ...listed.filter(Boolean), ...system].map((dir) => join(dir, 'vulkan/icd.d'))
}

/** @param {string} place A manifest or a folder of them. @returns {string[]} */
function manifests(place) {
  if (!existsSync(place)) return []
  if (!statSync(place).isDirectory()) return [place]
  return readdirSync(place)
    .filter((name) => name.endsWith('.json'))
    .map((name) => join(place, name))
}

/**
 * A hash that changes whenever another answer to 'does WebGPU work here?' is possible.
 * @param {string[]} files From driverFiles.
 * @param {string} salt What else the answer depends on: the version of the WebGPU library.
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string}
 */
export function driverKey(files, salt, env = process.env) {
  const hash = createHash('sha256').update(salt)
  const libraries = files.map(libraryOf).filter((path) => path !== null)
  for (const path of [...files, ...libraries, ...libraryDirs.map((dir) => join(dir, loader)), ...deviceDirs]) {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (!stats) continue
    hash.update(`\0${path}\0${stats.isFile() ? `${stats.size} ${stats.mtimeMs}` : ''}`)
    if (stats.isDirectory()) hash.update(readdirSync(path).sort().join('\0'))
  }
  for (const name of Object.keys(env)
    .filter((name) => name.startsWith('VK_'))
    .sort())
    hash.update(`\0${name}=${env[name]}`)
  return hash.digest('hex')
}

/** @param {string} manifest @returns {string | null} The driver's library, where it can be found. */
function libraryOf(manifest) {
  try {
    const library = JSON.parse(readFileSync(manifest, 'utf8')).ICD.library_path
    const candidates = isAbsolute(library) ? [library] : libraryDirs.map((dir) => join(dir, library))
    return candidates.find((path) => existsSync(path)) ?? null
  } catch {
    // A broken manifest is skipped by the loader as well.
    return null
  }
}
