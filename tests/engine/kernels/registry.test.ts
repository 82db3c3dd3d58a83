/** Nothing is left out: every shader is used, described and tested. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { composeSource } from '../../../src/main/engine/kernels/compose'
import { kernels } from '../../../src/main/engine/kernels/registry'
import { type KernelCase } from '../../cases/kernel-case'

const root = join(import.meta.dirname, '../../..')
const read = (folder: string) =>
  readdirSync(join(root, folder))
    .filter((file) => file.endsWith('.wgsl'))
    .map((file) => ({ file, text: readFileSync(join(root, folder, file), 'utf8') }))
const shaders = read('kernels')
const parts = read('kernels/parts')

const modules = import.meta.glob<{ cases?: KernelCase[] }>('../../cases/*.ts', { eager: true })
const cases = Object.values(modules).flatMap((m) => m.cases ?? [])

/** The comment before the first line of code. */
const header = (text: string) => text.slice(0, text.search(/^[^/\n]/m))

it.each(Object.keys(modules).filter((file) => modules[file].cases))('%s is run', (file) => {
  const tests = readdirSync(import.meta.dirname).map((test) => readFileSync(join(import.meta.dirname, test), 'utf8'))
  expect(tests.some((text) => text.includes(`from '${file.replace('.ts', '')}'`))).toBe(true)
})

describe.each(shaders)('$file', ({ file, text }) => {
  const own = kernels.filter((k) => k.source === text)
  const name = file.replace('.wgsl', '')

  it('is a registered kernel, named after it', () => {
    expect(own.length).toBeGreaterThan(0)
    for (const kernel of own) expect(kernel.name === name || kernel.name.startsWith(`${name}_`)).toBe(true)
  })

  it('has a twin', () => {
    // Two algorithms of one equation share their twin.
    const twins = [name, name.replace(/_(vec|tiled)$/, '')].map((n) => n.replaceAll('_', '-'))
    expect(twins.some((twin) => existsSync(join(root, `tests/reference/${twin}.ts`)))).toBe(true)
  })

  it('begins with its equation, and says what a workgroup owns', () => {
    expect(header(text)).toMatch(new RegExp(`^// ${name}: .+`))
    expect(header(text)).toMatch(/^\/\/ Grid: /m)
  })

  it('describes every binding with its type, shape and direction', () => {
    const names = [...text.matchAll(/@binding\(\d+\) var<storage[^>]*> (\w+)/g)].map((m) => m[1])
    const described = / as in (\w+)\.wgsl/.exec(header(text))
    const source = described ? shaders.find((s) => s.file === `${described[1]}.wgsl`)!.text : text
    expect(names.length).toBeGreaterThan(0)
    for (const binding of names) expect(header(source)).toMatch(new RegExp(`^//  .*\\b${binding}\\b`, 'm'))
    const lines = header(source).split('\n').filter((line) => /^\/\/ {3}\S/.test(line) || /^\/\/ {5,}/.test(line)) // prettier-ignore
    expect(lines.filter((line) => /\s(in|out|in, out)(;.*)?$/.test(line)).length).toBeGreaterThan(1)
  })
})

describe.each(parts)('parts/$file', ({ text }) => {
  it('is part of some kernel, and says what it holds', () => {
    const profile = { lanes: 8, subgroups: true, halfFloats: true, parallelWorkgroups: 1, stepTokens: 1 }
    const used = kernels.some((kernel) => {
      const constants = Object.fromEntries(kernel.constants.map((c) => [c, 16]))
      return [true, false].some((subgroups) =>
        composeSource(kernel, constants, { ...profile, subgroups }).includes(text),
      )
    })
    expect(used).toBe(true)
    expect(text).toMatch(/^\/\/ \S/)
  })
})

describe.each(kernels.map((kernel) => ({ name: kernel.name, kernel })))('$name', ({ name, kernel }) => {
  const own = cases.filter((c) => c.kernel === kernel)

  it('is the only one of its name', () => {
    expect(kernels.filter((k) => k.name === name)).toEqual([kernel])
  })

  it('has cases with bounds and their reasons', () => {
    expect(own.length).toBeGreaterThan(0)
    for (const c of own) expect(c.because.length).toBeGreaterThan(10)
  })

  it('has cases that give exactly what its spec names', () => {
    const profile = { lanes: 8, subgroups: false, halfFloats: false, parallelWorkgroups: 4, stepTokens: 512 }
    const run = own[0].prepare(profile)
    expect(Object.keys(run.constants).sort()).toEqual([...kernel.constants].sort())
    expect(Object.keys(run.values).sort()).toEqual([...Object.keys(kernel.params), ...kernel.measures].sort())
    expect(Object.keys(run.buffers).sort()).toEqual(
      [...Object.keys(kernel.inputs), ...Object.keys(kernel.outputs)].sort(),
    )
  })

  it('lists bindings and parameters as its shader does', () => {
    const bindings = [...kernel.source.matchAll(/@binding\((\d+)\) var<(\w+)(?:, (\w+))?> (\w+)/g)]
    const names = [...Object.keys(kernel.inputs), ...Object.keys(kernel.outputs)]
    const snake = (s: string) => s.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)
    const storage = bindings.filter((b) => b[2] === 'storage')
    expect(storage.map((b) => [Number(b[1]), b[4]])).toEqual(names.map((n, i) => [i, snake(n)]))
    expect(storage.map((b) => b[3])).toEqual(names.map((n) => (n in kernel.inputs ? 'read' : 'read_write')))
    const struct = /struct Params \{([^}]*)\}/.exec(kernel.source)?.[1] ?? ''
    const fields = [...struct.matchAll(/(\w+): (\w+)/g)].map((m) => [m[1], m[2]])
    expect(fields).toEqual(Object.entries(kernel.params))
  })
})
