// @ts-check
/** What a Linux distribution calls a Vulkan driver and how it is installed there. */
import { readFileSync } from 'node:fs'

/**
 * @typedef {object} Distribution
 * @property {string} id Lower case, as in os-release: 'debian', 'ubuntu', 'fedora'.
 * @property {string[]} like Distributions it descends from, nearest first.
 * @property {number | null} version Null where it rolls.
 * @property {string} codename Empty where there is none.
 * @property {string} name For people.
 *
 * @typedef {object} DriverPlan
 * @property {'install' | 'advise'} kind install: the scripts do it, as root.
 * @property {string} [suite] install: the release to take the packages from, where it is not the machine's own.
 * @property {string[]} packages
 * @property {string} [command] advise: what to run; none where only words help.
 * @property {string} [words] What to know, or what to do where no command helps.
 */

const mesa = ['mesa-vulkan-drivers', 'libvulkan1']
const apt = `sudo apt-get update && sudo apt-get install -y ${mesa.join(' ')}`

/** @param {string} text The contents of an os-release file. @returns {Distribution} */
export function parseOsRelease(text) {
  /** @type {Record<string, string>} */
  const fields = {}
  for (const line of text.split('\n')) {
    const match = /^\s*([A-Z0-9_]+)=(?:"([^"]*)"|'([^']*)'|(.*?))\s*$/.exec(line)
    if (match) fields[match[1]] = match[2] ?? match[3] ?? match[4]
  }
  const version = Number.parseFloat(fields.VERSION_ID ?? '')
  return {
    id: (fields.ID ?? 'linux').toLowerCase(),
    like: (fields.ID_LIKE ?? '').toLowerCase().split(/\s+/).filter(Boolean),
    version: Number.isNaN(version) ? null : version,
    codename: fields.VERSION_CODENAME ?? '',
    name: fields.PRETTY_NAME ?? fields.NAME ?? 'this Linux',
  }
}

/** @returns {Distribution} */
export function thisDistribution() {
  for (const file of ['/etc/os-release', '/usr/lib/os-release']) {
    try {
      return parseOsRelease(readFileSync(file, 'utf8'))
    } catch {
      // The second place is the standard's fallback for the first.
    }
  }
  return parseOsRelease('')
}

/**
 * How to get a Vulkan driver that Dawn accepts: Mesa 23 or later.
 * @param {Distribution} distribution
 * @param {{ isRoot: boolean, setup: string }} how setup: the command that runs these scripts' own set-up as root.
 * @returns {DriverPlan}
 */
export function driverPlan({ id, like, version, codename, name }, { isRoot, setup }) {
  const family = [id, ...like]
  if (id === 'debian' && version !== null && version < 12)
    return { kind: 'advise', packages: [], words: `${name} has only Mesa older than 23: use Debian 12 or later.` }
  if (id === 'debian' && version === 12) {
    const suite = `${codename || 'bookworm'}-backports`
    // Its own Mesa is 22.3, whose Vulkan Dawn refuses.
    return isRoot ? { kind: 'install', suite, packages: mesa } : { kind: 'advise', packages: mesa, command: setup }
  }
  if (id === 'ubuntu' && version !== null && version < 22)
    return { kind: 'advise', packages: [], words: `${name} has only Mesa older than 23: use Ubuntu 22.04 or later.` }
  if (id === 'debian' || id === 'ubuntu')
    return isRoot ? { kind: 'install', packages: mesa } : { kind: 'advise', packages: mesa, command: apt }
  if (family.includes('debian') || family.includes('ubuntu')) return { kind: 'advise', packages: mesa, command: apt }
  return { kind: 'advise', ...otherFamilies(family) }
}

/** @param {string[]} family @returns {Omit<DriverPlan, 'kind'>} */
function otherFamilies(family) {
  /** @type {[string[], string, string[]][]} */
  const table = [
    [['fedora', 'rhel', 'centos', 'amzn'], 'sudo dnf install -y', ['mesa-vulkan-drivers', 'vulkan-loader']],
    [['arch'], 'sudo pacman -S --needed', ['vulkan-swrast', 'vulkan-icd-loader']],
    [['suse', 'opensuse'], 'sudo zypper install', ['libvulkan_lvp', 'libvulkan1']],
  ]
  const row = table.find(([ids]) => ids.some((id) => family.includes(id)))
  if (row) return { packages: row[2], command: `${row[1]} ${row[2].join(' ')}` }
  return {
    packages: [],
    words: "Install your graphics card's Vulkan driver, or Mesa's software driver (lavapipe), 23 or later.",
  }
}
