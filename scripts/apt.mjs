// @ts-check
/** Debian's package tool, without questions and without a terminal. */
import { existsSync, writeFileSync } from 'node:fs'
import { capture } from './child.mjs'
import { say, since } from './console.mjs'

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
const options = ['-y', '-q', '-o', 'Acquire::Retries=3', '-o', 'DPkg::Lock::Timeout=120']
const keepConfig = ['-o', 'Dpkg::Options::=--force-confdef', '-o', 'Dpkg::Options::=--force-confold']

/** @returns {boolean} Whether packages can be installed here without asking anyone. */
export function canInstall() {
  return process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')
}

/**
 * Installs packages and says so; on failure says what apt-get said.
 * @param {string[]} packages
 * @param {{ suite?: string }} [from] suite: a release other than the machine's own; added where it is not configured.
 * @returns {Promise<boolean>} Whether they are installed now.
 */
export async function aptInstall(packages, { suite } = {}) {
  const start = performance.now()
  say(`installing ${packages.join(', ')}${suite ? ` from ${suite}` : ''} with apt-get; this takes a minute or two`)
  let { status, output } = await aptGet(['update'])
  if (status === 0 && suite && (await addSuite(suite))) ({ status, output } = await aptGet(['update']))
  const release = suite ? ['-t', suite] : []
  // An update that failed for one of many sources may still have brought what is needed.
  const install = await aptGet(['install', '--no-install-recommends', ...keepConfig, ...release, ...packages])
  if (install.status === 0) {
    say(`installed in ${since(start)}`)
    return true
  }
  const cause = status === 0 ? install.output : `${output}\n${install.output}`
  say(`apt-get could not install ${packages.join(', ')}:\n${lastLines(cause, 12)}`)
  return false
}

/** @param {string[]} args */
function aptGet(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }
  return capture('/usr/bin/apt-get', [...options, ...args], { env })
}

/**
 * @param {string} suite As in 'bookworm-backports'.
 * @returns {Promise<boolean>} Whether a source was added.
 */
async function addSuite(suite) {
  const { output } = await capture('/usr/bin/apt-get', [
    'indextargets',
    '--format',
    '$(CREATED_BY) $(CODENAME) $(RELEASE) $(REPO_URI)',
  ])
  const uri = backportsSource(output, suite)
  if (!uri) return false
  const signed = existsSync(keyring) ? `[signed-by=${keyring}] ` : ''
  const file = `/etc/apt/sources.list.d/${suite}.list`
  writeFileSync(file, `deb ${signed}${uri} ${suite} main\n`)
  say(`added ${suite} to apt's sources (${file})`)
  return true
}

/**
 * The mirror to take a backports suite from: the one the machine already uses for the release itself.
 * @param {string} targets Lines of 'Packages CODENAME RELEASE REPO_URI', as apt-get indextargets prints them.
 * @param {string} suite As in 'bookworm-backports'.
 * @returns {string | null} Null where the suite is configured already, or no mirror is known.
 */
export function backportsSource(targets, suite) {
  const rows = targets.split('\n').map((line) => line.trim().split(/\s+/))
  const packages = rows.filter(([kind, , , uri]) => kind === 'Packages' && uri)
  if (packages.some(([, codename, release]) => codename === suite || release === suite)) return null
  const base = suite.replace(/-backports$/, '')
  return packages.find(([, codename, release]) => [codename, release].includes(base))?.[3] ?? null
}

/** @param {string} text @param {number} count */
function lastLines(text, count) {
  return text.trim().split('\n').slice(-count).join('\n')
}
