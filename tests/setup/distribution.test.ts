import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { driverPlan, parseOsRelease } from '../../scripts/distribution.mjs'

const files = join(import.meta.dirname, 'os-release')
const plan = (file: string, isRoot: boolean) =>
  driverPlan(parseOsRelease(readFileSync(join(files, file), 'utf8')), { isRoot, setup: 'sudo moru-setup' })
const mesa = ['mesa-vulkan-drivers', 'libvulkan1']

describe('driverPlan as root', () => {
  it("takes Mesa from Debian 12's backports", () => {
    expect(plan('debian-12', true)).toEqual({ kind: 'install', suite: 'bookworm-backports', packages: mesa })
  })

  it.each(['debian-13', 'debian-sid', 'ubuntu-24.04'])("takes %s's own Mesa", (file) => {
    expect(plan(file, true)).toEqual({ kind: 'install', packages: mesa })
  })

  it.each(['linuxmint-22', 'fedora-42', 'rocky-9', 'arch', 'opensuse-tumbleweed'])('installs nothing on %s', (file) => {
    expect(plan(file, true).kind).toBe('advise')
  })
})

describe('driverPlan as a user', () => {
  it.each([
    ['debian-12', 'sudo moru-setup'],
    ['debian-13', 'sudo apt-get update && sudo apt-get install -y mesa-vulkan-drivers libvulkan1'],
    ['ubuntu-24.04', 'sudo apt-get update && sudo apt-get install -y mesa-vulkan-drivers libvulkan1'],
    ['linuxmint-22', 'sudo apt-get update && sudo apt-get install -y mesa-vulkan-drivers libvulkan1'],
    ['fedora-42', 'sudo dnf install -y mesa-vulkan-drivers vulkan-loader'],
    ['rocky-9', 'sudo dnf install -y mesa-vulkan-drivers vulkan-loader'],
    ['arch', 'sudo pacman -S --needed vulkan-swrast vulkan-icd-loader'],
    ['manjaro', 'sudo pacman -S --needed vulkan-swrast vulkan-icd-loader'],
    ['opensuse-tumbleweed', 'sudo zypper install libvulkan_lvp libvulkan1'],
  ])('names the one command on %s', (file, command) => {
    expect(plan(file, false)).toMatchObject({ kind: 'advise', command })
  })
})

describe('driverPlan where Mesa is too old', () => {
  it.each([
    ['debian-11', 'Debian 12'],
    ['ubuntu-20.04', 'Ubuntu 22.04'],
  ])('names the release that %s would have to be', (file, newer) => {
    for (const isRoot of [true, false]) {
      const { kind, command, words } = plan(file, isRoot)
      expect({ kind, command }).toEqual({ kind: 'advise', command: undefined })
      expect(words).toContain(newer)
    }
  })
})

it('says what is needed on a distribution it does not know', () => {
  expect(plan('slackware-15', true)).toMatchObject({ kind: 'advise', packages: [] })
  expect(plan('slackware-15', true).words).toContain('Vulkan driver')
})

it('has an answer for every fixture, and for no os-release at all', () => {
  for (const file of readdirSync(files)) {
    const { kind, command, words } = plan(file, false)
    expect(kind).toBe('advise')
    expect(command ?? words, file).toBeTruthy()
  }
  expect(driverPlan(parseOsRelease(''), { isRoot: true, setup: '' }).kind).toBe('advise')
})

it('reads quoted, bare and empty values of os-release', () => {
  expect(
    parseOsRelease('ID="Rocky"\nID_LIKE=\'rhel centos\'\nVERSION_ID=9.4\r\nVERSION_CODENAME=""\n# ID=x\n'),
  ).toEqual({
    id: 'rocky',
    like: ['rhel', 'centos'],
    version: 9.4,
    codename: '',
    name: 'this Linux',
  })
})
