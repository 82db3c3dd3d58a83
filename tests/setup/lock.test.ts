import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { withLock } from '../../scripts/lock.mjs'
import { put, temporaryFolder } from './temporary'

const script = join(import.meta.dirname, '../../scripts/lock.mjs')

it('lets one process work at a time', async () => {
  const folder = temporaryFolder()
  const log = put(folder, 'log', '')
  const worker = put(
    folder,
    'worker.mjs',
    `import { appendFileSync } from 'node:fs'
     import { withLock } from ${JSON.stringify(script)}
     const line = (text) => appendFileSync(${JSON.stringify(log)}, text + ' ' + process.pid + '\\n')
     await withLock(${JSON.stringify(join(folder, 'deep/lock'))}, async () => {
       line('in'); await new Promise((r) => setTimeout(r, 60)); line('out')
     })`,
  )
  const run = () =>
    new Promise((resolve) => spawn(process.execPath, [worker], { stdio: 'inherit' }).on('close', resolve))
  expect(await Promise.all([run(), run(), run(), run()])).toEqual([0, 0, 0, 0])
  const lines = readFileSync(log, 'utf8').trim().split('\n')
  expect(lines).toHaveLength(8)
  for (let i = 0; i < lines.length; i += 2) {
    const [entered, pid] = lines[i].split(' ')
    expect([entered, lines[i + 1]]).toEqual(['in', `out ${pid}`])
  }
})

it('takes over from a holder that died', async () => {
  const folder = temporaryFolder()
  const holder = spawn(process.execPath, ['-e', ''])
  await new Promise((resolve) => holder.on('close', resolve))
  const file = put(folder, 'lock', String(holder.pid))
  expect(await withLock(file, async () => 'done')).toBe('done')
})

it('is free again after work that failed', async () => {
  const file = join(temporaryFolder(), 'lock')
  const failing = withLock(file, async () => {
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(await withLock(file, async () => 'done')).toBe('done')
})

it('works without a lock where none can be made', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'file'), '')
  expect(await withLock(join(folder, 'file', 'lock'), async () => 'done')).toBe('done')
})
