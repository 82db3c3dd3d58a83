import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const read = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8'))
const manifest = read('package.json') as { overrides: Record<string, Record<string, string>> }
const lock = read('package-lock.json') as {
  packages: Record<string, { version: string; os?: string[]; resolved?: string }>
}

// npm 9 cannot read a lock file made with an alias or a path as an override; npm 11 refuses one that lacks an
// omitted package. A version that does not exist, locked for a system that does not exist, satisfies both.
it('omits packages in the one way that npm 9, 10 and 11 all install', () => {
  const omitted = Object.entries(manifest.overrides).flatMap(([parent, children]) =>
    Object.entries(children).map(([name, version]) => ({
      path: `node_modules/${parent}/node_modules/${name}`,
      version,
    })),
  )
  expect(omitted.length).toBeGreaterThan(0)
  for (const { path, version } of omitted) {
    expect(version).toBe('0.0.0-omitted')
    expect(lock.packages[path], path).toEqual({ version, optional: true, os: ['none'] })
  }
})

it('names no registry host', () => {
  for (const [path, entry] of Object.entries(lock.packages)) expect(entry.resolved, path).toBeUndefined()
})
