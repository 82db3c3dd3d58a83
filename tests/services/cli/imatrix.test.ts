/** moru imatrix, and moru quantize with what it writes. */
import { cp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readImportanceMatrix } from '../../../src/main/engine/formats/importance-matrix'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { byteTokenizer } from '../../engine/convert/byte-tokenizer'
import { built, moru, moruJson, root, temporaryProfile } from './moru'

const { profile, remove } = temporaryProfile()
const tiny = join(profile, 'tiny')
beforeAll(async () => {
  await built()
  await cp(join(root, 'tests/golden/tiny-models/llama-gqa'), tiny, { recursive: true })
  await writeFile(join(tiny, 'tokenizer.json'), JSON.stringify(byteTokenizer()))
}, 300_000)
afterAll(remove)

const text = [
  '--calibration',
  join(root, 'tests/fixtures/text.txt'),
  '--calibration-window',
  '64',
  '--profile',
  profile,
]
const here = async () => (await readdir(profile)).filter((name) => name.startsWith('imatrix'))

/** All quantized matrices of the tiny model, one after the other. */
async function blocksWith(importance: string | null): Promise<Uint8Array> {
  const path = join(profile, 'quantized.gguf')
  const options = importance === null ? [] : ['--importance', importance]
  await moruJson(['quantize', tiny, '--method', 'q4_0', '--out', path, ...options, ...text])
  const file = await openModelFile(path)
  const quantized = [...file.tensors.values()].filter(({ type }) => type === 'q4_0')
  expect(quantized).toHaveLength(18)
  const bytes = await Promise.all(quantized.map(({ name, sizeBytes }) => file.read(name, 0, sizeBytes)))
  await file.close()
  await rm(path)
  return Buffer.concat(bytes)
}

it('measures what a recipe then takes as it takes its own measure', { timeout: 60_000 }, async () => {
  const out = join(profile, 'imatrix.gguf')
  const done = await moruJson<{ matrices: number; tokens: number }>(['imatrix', tiny, '--out', out, ...text])
  expect(done).toMatchObject({ matrices: 21, tokens: 16 * 64 })
  expect(await readImportanceMatrix(out)).toMatchObject({ chunks: 16, chunkSize: 64 })
  const [measured, read] = [await blocksWith('measured'), await blocksWith(out)]
  // Sums in another order: a code in a thousand may fall on the other side of a tie.
  const other = measured.filter((byte, i) => byte !== read[i]).length
  expect(read).toHaveLength(measured.length)
  expect(other / measured.length).toBeLessThan(1e-3)
  const plain = await blocksWith(null)
  expect(plain.filter((byte, i) => byte !== read[i]).length / read.length).toBeGreaterThan(0.02)
  const again = await moru(['imatrix', tiny, '--out', out, ...text])
  expect(again).toMatchObject({ code: 1 })
  expect(again.err).toContain('imatrix.gguf exists already')
  expect(await here()).toEqual(['imatrix.gguf'])
})
