import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { put, temporaryFolder } from './temporary'

const repository = join(import.meta.dirname, '../..')

/** A small product with the real scripts and the real dependencies: a command that prints its arguments as JSON. */
function smallProject(): string {
  const root = temporaryFolder()
  cpSync(join(repository, 'scripts'), join(root, 'scripts'), { recursive: true })
  mkdirSync(join(root, 'node_modules'))
  for (const name of readdirSync(join(repository, 'node_modules')))
    if (!name.startsWith('.')) symlinkSync(join(repository, 'node_modules', name), join(root, 'node_modules', name))
  put(root, 'package.json', '{"type":"module","main":"out/main/moru.js"}')
  put(
    root,
    'electron.vite.config.ts',
    `export default { main: { build: { rollupOptions: { input: { moru: 'src/main/moru.ts' }, output: { format: 'es' } } } } }`,
  )
  put(root, 'src/main/moru.ts', moru(1))
  return root
}

const moru = (version: number) =>
  `console.log(JSON.stringify({ version: ${version}, args: process.argv.slice(2) })); process.exitCode = ${version}`

function launch(root: string, ...args: string[]) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = spawn(process.execPath, [join(root, 'scripts/launch.mjs'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => (stdout += chunk))
    child.stderr.on('data', (chunk) => (stderr += chunk))
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

describe('launch.mjs moru', () => {
  it('builds once for two at a time, then again only when the sources change', async () => {
    const root = smallProject()
    const both = await Promise.all([launch(root, 'moru', '하나'), launch(root, 'moru', 'two words')])
    expect(both.map(({ code, stdout }) => ({ code, said: JSON.parse(stdout) }))).toEqual([
      { code: 1, said: { version: 1, args: ['하나'] } },
      { code: 1, said: { version: 1, args: ['two words'] } },
    ])
    expect(both.filter(({ stderr }) => stderr.includes('built in'))).toHaveLength(1)

    expect(await launch(root, 'moru')).toEqual({ code: 1, stdout: '{"version":1,"args":[]}\n', stderr: '' })

    put(root, 'src/main/moru.ts', moru(2))
    const changed = await launch(root, 'moru')
    expect(changed).toMatchObject({ code: 2, stdout: '{"version":2,"args":[]}\n' })
    expect(changed.stderr).toContain('the sources have changed')

    rmSync(join(root, 'out/main/moru.js'))
    expect(await launch(root, 'moru')).toMatchObject({ code: 2, stdout: '{"version":2,"args":[]}\n' })
    expect(readdirSync(root).filter((name) => name.startsWith('out'))).toEqual(['out'])
    expect(readdirSync(join(root, 'node_modules/.cache/moru')).filter((name) => name !== 'driver.json')).toEqual([])
  })

  it('says what is wrong with sources that do not build, and keeps the last good build', async () => {
    const root = smallProject()
    await launch(root, 'build')
    const good = readFileSync(join(root, 'out/main/moru.js'), 'utf8')
    put(root, 'src/main/moru.ts', 'const = 1')
    const { code, stdout, stderr } = await launch(root, 'moru')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('moru.ts')
    expect(stderr).toContain('the build failed')
    expect(readFileSync(join(root, 'out/main/moru.js'), 'utf8')).toBe(good)
  })

  it('refuses a bundle in which two modules declare the same name', async () => {
    const root = smallProject()
    const use = `import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)\nconsole.log(require('./x'), __dirname)`
    put(root, 'src/main/moru.ts', use)
    const { code, stderr } = await launch(root, 'moru')
    expect(code).toBe(1)
    expect(stderr).toContain("Identifier 'require' has already been declared")
    expect(existsSync(join(root, 'out'))).toBe(false)
  })

  it('builds anew after a builder was killed', async () => {
    const root = smallProject()
    put(root, 'node_modules/.cache/moru/build.lock', '999999999')
    put(root, 'node_modules/.cache/moru/build-999999999/main/moru.js', 'half')
    expect(await launch(root, 'moru')).toMatchObject({ code: 1, stdout: '{"version":1,"args":[]}\n' })
    expect(existsSync(join(root, 'node_modules/.cache/moru/build-999999999'))).toBe(false)
  })
})

it('refuses an unknown mode as wrong usage', async () => {
  const { code, stdout, stderr } = await launch(repository, 'nonsense')
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain('start | test | moru')
})

it('tells a fresh clone to install its dependencies', async () => {
  const root = temporaryFolder()
  cpSync(join(repository, 'scripts'), join(root, 'scripts'), { recursive: true })
  const { code, stderr } = await launch(root, 'moru', 'doctor')
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'moru: The dependencies are not installed. Run:  npm ci\n' })
})
