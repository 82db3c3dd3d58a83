import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { putInPlace } from '../../scripts/build.mjs'
import { put, temporaryFolder } from './temporary'

it('replaces a folder whole and leaves nothing beside it', async () => {
  const folder = temporaryFolder()
  put(folder, 'out/old.js', 'old')
  put(folder, 'aside/main/new.js', 'new')
  await putInPlace(join(folder, 'aside'), join(folder, 'out'))
  expect(readdirSync(folder)).toEqual(['out'])
  expect(readdirSync(join(folder, 'out'))).toEqual(['main'])
})

it('copies where renaming is not possible because the folders lie on different disks', async () => {
  const folder = temporaryFolder()
  // Memory on Linux, and so another file system than the temporary folder's on most machines.
  const elsewhere = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'moru-setup-'))
  onTestFinished(() => rmSync(elsewhere, { recursive: true, force: true }))
  put(folder, 'out/old.js', 'old')
  put(elsewhere, 'aside/main/new.js', 'new')
  await putInPlace(join(elsewhere, 'aside'), join(folder, 'out'))
  expect(readFileSync(join(folder, 'out/main/new.js'), 'utf8')).toBe('new')
  expect([readdirSync(folder), readdirSync(join(folder, 'out')), readdirSync(elsewhere)]).toEqual([
    ['out'],
    ['main'],
    [],
  ])
})
