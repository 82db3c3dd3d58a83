/** llama.cpp's importance matrices, in both formats: as written by hand, there and back, and damaged. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import {
  readImportanceMatrix,
  writeImportanceMatrix,
  type ImportanceMatrix,
} from '../../../src/main/engine/formats/importance-matrix'
import { MoruError } from '../../../src/shared/errors'
import { ByteWriter } from './byte-writer'
import { mutate, seeded } from './mutate'
import { temporaryFolder } from './temporary-folder'
import { counting, text, texts, u32, writeGguf, type GgufTensor } from './write-gguf'

const folder = await temporaryFolder()
const matrix: ImportanceMatrix = {
  datasets: ['wiki.train.txt'],
  chunks: 4,
  chunkSize: 512,
  meanSquares: new Map([
    ['blk.0.attn_q.weight', Float32Array.of(0.5, 1, 2)],
    ['blk.0.ffn_down.weight', Float32Array.of(0, 0.25)],
  ]),
}

/** The older format, field by field: values are mean squares times calls. */
function dat(): ByteWriter {
  const out = new ByteWriter().u32('entries', 1)
  const name = new TextEncoder().encode('blk.0.attn_q.weight')
  out.u32('length', name.length).bytes(name).u32('calls', 10).u32('values', 2).f32('a', 5).f32('b', 20)
  const dataset = new TextEncoder().encode('한국어.txt')
  return out.u32('chunks', 10).u32('dataset length', dataset.length).bytes(dataset)
}

const sum = (name: string, values: number[], dims = [values.length, 1]): GgufTensor => ({
  ...counting(name, dims),
  data: new Uint8Array(Float32Array.from(values).buffer),
})

it('reads the older format', async () => {
  const path = await folder.write('imatrix.dat', dat().result())
  expect(await readImportanceMatrix(path)).toEqual({
    datasets: ['한국어.txt'],
    chunks: 10,
    chunkSize: null,
    meanSquares: new Map([['blk.0.attn_q.weight', Float32Array.of(0.5, 2)]]),
  })
})

it('reads GGUF, with a count for each expert', async () => {
  const tensors = [
    sum('blk.0.ffn_down_exps.weight.in_sum2', [8, 16, 3, 6], [2, 2]),
    sum('blk.0.ffn_down_exps.weight.counts', [4, 3], [1, 2]),
  ]
  const metadata = [
    ['general.type', text('imatrix')],
    ['imatrix.datasets', texts(['a', 'b'])],
    ['imatrix.chunk_count', u32(7)],
    ['imatrix.chunk_size', u32(512)],
  ] as Parameters<typeof writeGguf>[0]['metadata']
  const path = await folder.write('imatrix.gguf', writeGguf({ metadata, tensors }).bytes)
  expect(await readImportanceMatrix(path)).toEqual({
    datasets: ['a', 'b'],
    chunks: 7,
    chunkSize: 512,
    meanSquares: new Map([['blk.0.ffn_down_exps.weight', Float32Array.of(2, 4, 1, 2)]]),
  })
})

it.each(['out.gguf', 'out.dat'])('writes %s as it reads it', async (name) => {
  const path = join(folder.path, name)
  await writeImportanceMatrix(path, matrix)
  expect(await readImportanceMatrix(path)).toEqual({ ...matrix, chunkSize: name.endsWith('.gguf') ? 512 : null })
  await expect(writeImportanceMatrix(path, matrix)).rejects.toMatchObject({ code: 'conflict' })
})

it('says what is wrong', async () => {
  const read = async (name: string, bytes: Uint8Array) => readImportanceMatrix(await folder.write(name, bytes))
  await expect(read('few', new ByteWriter().u32('entries', 1000).result())).rejects.toThrow(
    /number of entries at byte 0: 1,000 do not fit/,
  )
  const negative = dat().result()
  new DataView(negative.buffer).setFloat32(4 + 4 + 19 + 8, -1, true)
  await expect(read('negative', negative)).rejects.toThrow(/its input 0 has a mean square of -0.1/)
  await expect(read('x.gguf', writeGguf({ tensors: [counting('w', [2])] }).bytes)).rejects.toThrow(
    /no importance matrix/,
  )
})

it('refuses or reads 2,000 damaged files', { timeout: 60_000 }, async () => {
  await writeImportanceMatrix(join(folder.path, 'seed.gguf'), matrix)
  const known = new Uint8Array(await readFile(join(folder.path, 'seed.gguf')))
  const older = dat()
  const seeds = [
    { bytes: known, fields: [] },
    { bytes: older.result(), fields: older.fields },
  ]
  const outcomes = new Map<string, number>()
  for (let i = 0; i < 2000; i++) {
    const path = await folder.write('fuzz', mutate(seeds[i % 2], seeds, seeded(900_001 + i)))
    const outcome = await readImportanceMatrix(path).then(
      () => 'read',
      (thrown: unknown) => {
        if (!(thrown instanceof MoruError)) throw new Error(`mutation ${i}`, { cause: thrown })
        return thrown.code
      },
    )
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  expect([...outcomes.keys()].every((outcome) => ['read', 'invalid_file', 'unsupported'].includes(outcome))).toBe(true)
  expect(outcomes.get('invalid_file')).toBeGreaterThan(500)
})
