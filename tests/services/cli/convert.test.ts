/** moru convert. */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Conversion } from '../../../src/shared/contract/quantize'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { built, moru, moruJson, root, temporaryProfile } from './moru'

const model = join(root, 'resources/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1-00001-of-00003.gguf')
const { profile, remove } = temporaryProfile()
const own = ['--profile', profile]
beforeAll(built, 300_000)
afterAll(remove)

const leftBehind = async (): Promise<string[]> => (await readdir(profile)).filter((name) => name.includes('.part'))

it('merges shards, says that the source is quantized, and never writes over a file', { timeout: 60_000 }, async () => {
  const out = join(profile, 'merged.gguf')
  const done = await moruJson<Conversion>(['convert', model, '--out', out, ...own])
  expect(done).toMatchObject({ path: out, format: 'gguf', files: 1, source: { quantization: 'Q4_1', quantized: true } })
  expect(done.sizeBytes).toBe((await stat(out)).size)
  const [whole, shards] = [await openModelFile(out), await openModelFile(model)]
  expect([...whole.tensors.keys()]).toEqual([...shards.tensors.keys()])
  for (const name of ['token_embd.weight', 'blk.29.ffn_down.weight'])
    expect(await whole.read(name, 0, 1000)).toEqual(await shards.read(name, 0, 1000))
  await whole.close()
  await shards.close()
  const again = await moru(['convert', model, '--out', out, ...own])
  expect(again).toMatchObject({ code: 1, out: '' })
  expect(again.err).toContain('merged.gguf exists already')
})

it('leaves nothing behind when it is interrupted', { timeout: 60_000 }, async () => {
  const out = join(profile, 'interrupted')
  const ended = await moru(['convert', model, '--out', out, '--type', 'f32', ...own], {
    onStart: (child) => {
      const timer = setInterval(async () => {
        if ((await leftBehind()).length === 0) return
        clearInterval(timer)
        child.kill('SIGINT')
      }, 20)
    },
  })
  expect(ended.code).toBe(130)
  expect(await leftBehind()).toEqual([])
  await expect(stat(out)).rejects.toThrow()
  await rm(out, { recursive: true, force: true })
})

it('leaves nothing behind when a write fails', { timeout: 60_000 }, async () => {
  // Files of at most 20 MB, as some disks have them.
  const limited = { through: ['sh', '-c', 'ulimit -f 40000 && exec "$0" "$@"'] }
  for (const out of ['limited.gguf', 'limited']) {
    const ended = await moru(['convert', model, '--out', join(profile, out), ...own], limited)
    expect(ended.code).toBe(1)
    expect(ended.err).toContain(`/${out}`)
    expect(ended.err).toContain('is larger than its disk allows; write shards')
    expect(ended.err).not.toContain('.part')
    await expect(stat(join(profile, out))).rejects.toThrow()
    expect(await leftBehind()).toEqual([])
  }
})

it('refuses types and sizes that make no sense', async () => {
  const refused = (...options: string[]) => moru(['convert', model, '--out', join(profile, 'x'), ...options, ...own])
  expect(await refused('--type', 'q9')).toMatchObject({ code: 2 })
  const quantizing = await refused('--type', 'Q4_K')
  expect(quantizing.code).toBe(2)
  expect(quantizing.err).toContain('moru quantize MODEL --method q4_k --out PATH')
  expect((await refused('--shard-size', 'huge')).err).toContain('a size such as 500M or 2G')
  const q8 = await refused('--type', 'q8_0')
  expect(q8.code).toBe(1)
  expect(q8.err).toContain('safetensors has no q8_0')
  expect(q8.err.split('\n').length).toBeLessThan(4)
})
