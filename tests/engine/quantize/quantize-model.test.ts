/** Whole runs on a tiny model: what is written is what was measured, and a run that is stopped goes on to the same end. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { dequantizeMatrix } from '../../../src/main/engine/formats/quantized-matrix'
import { quantizeModel } from '../../../src/main/quantize/quantize-run'
import { recipe, type MatrixResult, type RecipeInput } from '../../../src/shared/contract/quantize'
import { tinyModel } from '../runtime/tiny-models'

const text = join(import.meta.dirname, '../../fixtures/text.txt')
let folder: string
let source: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moru-quantize-'))
  source = await tinyModel()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const calibration = (path = text) => ({ source: { kind: 'file' as const, path }, window: 64, windows: 4 })
const sources = { bundledFolder: '', collection: () => '', conversations: () => '' }
interface Run {
  matrices: MatrixResult[]
  layers: number[]
}

async function run(name: string, input: RecipeInput, options: { stopAt?: number; from?: string } = {}) {
  const seen: Run = { matrices: [], layers: [] }
  const stop = new AbortController()
  const result = await quantizeModel(
    {
      model: { id: 'tiny', name: 'tiny', path: options.from ?? source },
      recipe: recipe.parse({ group: 0, calibration: calibration(), ...input }),
      out: join(folder, name),
      sources,
    },
    {
      stage: (stage, layer) => {
        if (stage !== 'layers' || layer === null) return
        seen.layers.push(layer)
        if (layer === options.stopAt) stop.abort()
      },
      matrix: (matrix) => seen.matrices.push(matrix),
    },
    stop.signal,
  )
  return { result, seen }
}

describe.each(['gptq', 'awq-gptq', 'rtn'] as const)('%s', (method) => {
  it('writes a folder whose matrices are as far from the original as it says', { timeout: 120_000 }, async () => {
    const { result } = await run(method, { method })
    expect(result.layers).toHaveLength(21)
    for (const { relativeError } of result.layers) expect(relativeError).toBeLessThan(0.35)
    const file = await openModelFile(result.path)
    const original = await openModelFile(source)
    const name = 'model.layers.1.mlp.gate_proj.weight'
    const matrix = dequantizeMatrix(await file.readQuantized!(name))
    const raw = await original.read(name, 0, original.tensors.get(name)!.sizeBytes)
    const weights = new Float32Array(raw.buffer, raw.byteOffset, raw.byteLength / 4)
    const mse = matrix.reduce((sum, q, i) => sum + (q - weights[i]) ** 2, 0) / matrix.length
    const told = result.layers.find((l) => l.name === 'blk.1.ffn_gate.weight')!
    // AWQ's weights are scaled: their own error says nothing of the original's.
    if (method !== 'awq-gptq') expect(mse).toBeCloseTo(told.weightMse, 6)
    await file.close()
    await original.close()
    expect(await readdir(folder)).not.toContain(`${method}.quantizing`)
  })
})

it('goes on at the block where it was stopped, to the same end', { timeout: 120_000 }, async () => {
  const whole = await run('whole', { method: 'gptq' })
  await expect(run('stopped', { method: 'gptq' }, { stopAt: 2 })).rejects.toMatchObject({ code: 'cancelled' })
  expect(await readdir(folder)).toContain('stopped.quantizing')
  expect(await readdir(folder)).not.toContain('stopped')
  const { seen } = await run('stopped', { method: 'gptq' })
  expect(seen.layers).toEqual([2, 3])
  const bytes = (name: string) => readFile(join(folder, name, 'model.safetensors'))
  expect(Buffer.compare(await bytes('whole'), await bytes('stopped'))).toBe(0)
  expect(whole.seen.matrices.map((m) => m.name)).toEqual(seen.matrices.map((m) => m.name))
})

describe('says what is wrong, and writes nothing', () => {
  const refused = async (input: RecipeInput, message: RegExp, from?: string) => {
    const name = `refused-${Math.random()}`
    await expect(run(name, input, { from })).rejects.toThrow(message)
    expect((await readdir(folder)).filter((n) => n === name)).toEqual([])
  }
  const texts = async (content: string) => {
    const path = join(folder, `text-${content.length}.txt`)
    await writeFile(path, content)
    return calibration(path)
  }

  it('of an empty text', async () => {
    await refused({ method: 'gptq', calibration: await texts(' \n') }, /is empty/)
  })
  it('of one shorter than a window', async () => {
    await refused({ method: 'gptq', calibration: await texts('A few words.') }, /less than one window of 64/)
  })
  it('of one in a language that the tokenizer does not know', async () => {
    await refused(
      { method: 'gptq', calibration: await texts('ἀρχὴ δὲ τοῦ λόγου 𐤀𐤁𐤂 '.repeat(200)) },
      /language .* does not know/,
    )
  })
  it('of groups that do not divide, with those that do', async () => {
    await refused({ method: 'rtn', group: 64 }, /rows of 96 inputs, which groups of 64 do not divide. Choose 32, 0/)
  })
  it('of a Hessian that is not positive definite', async () => {
    await refused(
      { method: 'gptq', gptq: { damping: 0 }, calibration: { ...calibration(), windows: 1 } },
      /not positive definite/,
    )
  })
  it('of a block type for a folder, and of a method that GGUF has no type for', async () => {
    await refused({ method: 'q8_0' }, /ends in .gguf/)
    await expect(run('x.gguf', { method: 'gptq' })).rejects.toThrow(/GGUF has no type for gptq/)
  })
  it('of weights that are no numbers', async () => {
    const broken = await tinyModel()
    const path = join(broken, 'model.safetensors')
    const bytes = await readFile(path)
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString()) as Record<string, { data_offsets: number[] }> // prettier-ignore
    const at = 8 + Number(bytes.readBigUInt64LE(0)) + header['model.layers.1.mlp.up_proj.weight'].data_offsets[0]
    bytes.writeFloatLE(NaN, at + 4 * 97)
    await writeFile(path, bytes)
    await refused({ method: 'rtn' }, /row 1, input 1 is NaN/, broken)
  })
})
