/** Whole runs on a tiny model: what is written is what was measured, and a run that is stopped goes on to the same end. */
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { linearMatrices } from '../../../src/main/engine/quantize/model-matrices'
import { orderedValues } from '../../../src/main/engine/quantize/effective-weights'
import { readModelConfig } from '../../../src/main/engine/models/load-decoder'
import { dequantizeMatrix } from '../../../src/main/engine/formats/quantized-matrix'
import { quantizeModel } from '../../../src/main/quantize/quantize-run'
import { recipe, type MatrixResult, type RecipeInput } from '../../../src/shared/contract/quantize'
import { byteTokenizer } from '../convert/byte-tokenizer'
import { tinyModel } from '../runtime/tiny-models'

const text = join(import.meta.dirname, '../../fixtures/text.txt')
let folder: string
let source: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moru-quantize-'))
  source = await withByteTokenizer(await tinyModel())
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** GGUF has a token for each row of the embedding. */
async function withByteTokenizer(model: string): Promise<string> {
  await rm(join(model, 'tokenizer.model'))
  await writeFile(join(model, 'tokenizer.json'), JSON.stringify(byteTokenizer()))
  return model
}

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

describe('in blocks of GGUF', () => {
  it('writes the rows in its order, and tells the error of outputs', { timeout: 120_000 }, async () => {
    const { result } = await run('blocks.gguf', { method: 'q4_k_m' })
    const layers = result.layers.filter((l) => l.layer !== null)
    // Rows of 96 inputs divide into blocks of 32 alone, those of ffn_down into none.
    expect(layers).toHaveLength(18)
    expect(new Set(layers.map((l) => l.method))).toEqual(new Set(['q5_0', 'q8_0']))
    const original = await openModelFile(source)
    const file = await openModelFile(result.path)
    const config = await readModelConfig(file)
    const models = [
      { file: original, config: await readModelConfig(original) },
      { file, config },
    ]
    for (const matrix of linearMatrices(file, config)) {
      const told = layers.find((l) => l.name === matrix.canonical)
      if (!told) continue
      const [before, after] = await Promise.all(
        models.map((model) =>
          orderedValues(
            model,
            linearMatrices(model.file, model.config).find((m) => m.canonical === matrix.canonical)!,
          ),
        ),
      )
      const squares = (w: Float32Array) => w.reduce((sum, v) => sum + v * v, 0)
      const off = squares(before.map((w, i) => after[i] - w))
      expect(off / before.length).toBeCloseTo(told.weightMse, 7)
      // About as large as that of the weights, but not it.
      const ofWeights = Math.sqrt(off / squares(before))
      expect(told.relativeError / ofWeights).toBeGreaterThan(0.2)
      expect(told.relativeError / ofWeights).toBeLessThan(3)
      expect(Math.abs(told.relativeError / ofWeights - 1)).toBeGreaterThan(1e-4)
    }
    await Promise.all([file.close(), original.close()])
    expect(await readdir(folder)).not.toContain('blocks.gguf.quantizing')
  })

  it('lessens the error of outputs by the importance of inputs', { timeout: 120_000 }, async () => {
    const errors = (run: { result: { layers: MatrixResult[] } }) =>
      run.result.layers.filter((l) => l.layer !== null).reduce((sum, l) => sum + l.relativeError ** 2, 0)
    const plain = await run('plain.gguf', { method: 'q4_0' })
    const measured = await run('measured.gguf', { method: 'q4_0', importance: { kind: 'measured' } })
    expect(errors(measured)).toBeLessThan(errors(plain))
    expect(measured.result.calibration).toMatchObject({ tokens: 256, heldOutTokens: 128 })
  })
})

it.each([
  ['gptq', '', 'model.safetensors'],
  ['q4_0', '.gguf', ''],
] as const)(
  '%s goes on at the block where it was stopped, to the same end',
  { timeout: 120_000 },
  async (method, ending, file) => {
    const [own, other] = [`whole-${method}${ending}`, `stopped-${method}${ending}`]
    const whole = await run(own, { method })
    await expect(run(other, { method }, { stopAt: 2 })).rejects.toMatchObject({ code: 'cancelled' })
    expect(await readdir(folder)).toContain(`${other}.quantizing`)
    expect(await readdir(folder)).not.toContain(other)
    const { seen } = await run(other, { method })
    expect(seen.layers).toEqual([2, 3])
    const bytes = (name: string) => readFile(join(folder, name, file))
    expect(Buffer.compare(await bytes(own), await bytes(other))).toBe(0)
    expect(whole.seen.matrices.map((m) => m.name)).toEqual(seen.matrices.map((m) => m.name))
  },
)

it.runIf(process.platform === 'linux')('loses no block when the disk is full', { timeout: 120_000 }, async () => {
  await expect(run('full.gguf', { method: 'q4_0' }, { stopAt: 1 })).rejects.toMatchObject({ code: 'cancelled' })
  // Whatever is written there finds no space.
  const next = join(folder, 'full.gguf.quantizing/block-0001.part')
  await symlink('/dev/full', next)
  await expect(run('full.gguf', { method: 'q4_0' })).rejects.toThrow(
    /The disk of .* is full: make room, then start again/,
  )
  expect(await readdir(folder)).not.toContain('full.gguf')
  await rm(next)
  const { seen } = await run('full.gguf', { method: 'q4_0' })
  expect(seen.layers).toEqual([1, 2, 3])
})

describe('says what is wrong, and writes nothing', () => {
  const refused = async (input: RecipeInput, message: RegExp, from?: string) => {
    const name = `refused-${Math.random()}`
    await expect(run(name, input, { from })).rejects.toThrow(message)
    expect((await readdir(folder)).filter((n) => n.startsWith(name))).toEqual([])
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
      /self_attn.q_proj.weight: .*not positive definite/,
    )
  })
  it('of a block type for a folder, and of a method that GGUF has no type for', async () => {
    await refused({ method: 'q8_0' }, /ends in .gguf/)
    await expect(run('x.gguf', { method: 'gptq' })).rejects.toThrow(/GGUF has no type for gptq/)
  })
  it('of a folder that is not there', async () => {
    await expect(run('none/x', { method: 'rtn' })).rejects.toMatchObject({ code: 'not_found' })
    expect(await readdir(folder)).not.toContain('none')
  })
  it('of weights that are no numbers', async () => {
    const broken = await withByteTokenizer(await tinyModel())
    const path = join(broken, 'model.safetensors')
    const bytes = await readFile(path)
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString()) as Record<string, { data_offsets: number[] }> // prettier-ignore
    const at = 8 + Number(bytes.readBigUInt64LE(0)) + header['model.layers.1.mlp.up_proj.weight'].data_offsets[0]
    bytes.writeFloatLE(NaN, at + 4 * 97)
    await writeFile(path, bytes)
    const message = /mlp.up_proj.weight: The weight in row 1, input 1 is NaN/
    await refused({ method: 'rtn' }, message, broken)
    await expect(run('nan.gguf', { method: 'q4_0' }, { from: broken })).rejects.toThrow(message)
    expect((await readdir(folder)).filter((name) => name.startsWith('nan'))).toEqual([])
  })
})
