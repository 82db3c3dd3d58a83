import { renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildState, fingerprint, makeStamp, stampFile } from '../../scripts/fingerprint.mjs'
import { put, temporaryFolder } from './temporary'

/** A project as small as it can be. */
function project(): string {
  const root = temporaryFolder()
  put(root, 'src/main/index.ts', 'export const a = 1\n')
  put(root, 'src/shared/한글.ts', 'export const b = 2\n')
  put(root, 'kernels/add.wgsl', '// add\n')
  put(root, 'resources/models/model.gguf', 'GGUF')
  put(root, 'package.json', '{}')
  put(root, 'package-lock.json', '{}')
  return root
}

describe('fingerprint', () => {
  it('does not change when only times do', () => {
    const root = project()
    const before = fingerprint(root)
    for (const path of ['src/main/index.ts', 'resources/models/model.gguf', 'package-lock.json'])
      utimesSync(join(root, path), new Date(0), new Date(0))
    expect(fingerprint(root)).toBe(before)
  })

  it.each<[string, (root: string) => void]>([
    ['an edit of the same length', (root) => put(root, 'src/main/index.ts', 'export const a = 9\n')],
    ['an edit of a file with a Korean name', (root) => put(root, 'src/shared/한글.ts', 'export const b = 3\n')],
    ['a new file', (root) => put(root, 'src/main/deep/er/new.ts', '')],
    ['a new kernel', (root) => put(root, 'kernels/mul.wgsl', '')],
    ['a removed file', (root) => rmSync(join(root, 'kernels/add.wgsl'))],
    ['a renamed file', (root) => renameSync(join(root, 'kernels/add.wgsl'), join(root, 'kernels/sum.wgsl'))],
    [
      'a moved border between two files',
      (root) => {
        put(root, 'src/main/index.ts', 'export const a = 1')
        put(root, 'src/shared/한글.ts', '\nexport const b = 2\n')
      },
    ],
    ['other dependencies', (root) => put(root, 'package-lock.json', '{ }')],
    ['build settings', (root) => put(root, 'electron.vite.config.ts', '')],
    ['a resource of another size', (root) => put(root, 'resources/models/model.gguf', 'GGUF2')],
    ['a new resource', (root) => put(root, 'resources/icon.png', '')],
  ])('changes with %s', (_name, change) => {
    const root = project()
    const before = fingerprint(root)
    change(root)
    expect(fingerprint(root)).not.toBe(before)
  })

  it('does not mind what is no part of the build', () => {
    const root = project()
    const before = fingerprint(root)
    put(root, 'tests/a.test.ts', '')
    put(root, 'docs/a.md', '')
    put(root, 'out/main/index.js', '')
    expect(fingerprint(root)).toBe(before)
  })
})

describe('buildState', () => {
  /** A finished build with its stamp. */
  function build(from: string): string {
    const out = temporaryFolder()
    put(out, 'main/index.js', '')
    put(out, 'renderer/assets/index.css', '')
    writeFileSync(join(out, stampFile), JSON.stringify(makeStamp(out, from)))
    return out
  }

  it('is fresh for the same sources and stale for others', () => {
    const out = build('a')
    expect(buildState(out, 'a')).toBe('fresh')
    expect(buildState(out, 'b')).toBe('stale')
  })

  it('is missing where nothing was built, or something of it was deleted', () => {
    expect(buildState(join(temporaryFolder(), 'out'), 'a')).toBe('missing')
    const out = build('a')
    rmSync(join(out, 'renderer/assets/index.css'))
    expect(buildState(out, 'a')).toBe('missing')
  })

  it.each(['', '{', 'null', '[]', '{"fingerprint":"a"}', '{"fingerprint":"a","outputs":"x"}'])(
    'is missing where the stamp is damaged: %j',
    (text) => {
      const out = build('a')
      writeFileSync(join(out, stampFile), text)
      expect(buildState(out, 'a')).toBe('missing')
    },
  )
})
