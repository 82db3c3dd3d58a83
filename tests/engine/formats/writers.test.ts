/** What the writers write, the readers read again to the last bit; what is not finished leaves nothing behind. */
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createGguf } from '../../../src/main/engine/formats/gguf-writer'
import { gguf, type GgufMetadata, type GgufValue } from '../../../src/main/engine/formats/gguf-types'
import { ggufMetadataOf } from '../../../src/main/engine/formats/gguf-values'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { OutputFolder } from '../../../src/main/engine/formats/output-folder'
import { createSafetensors } from '../../../src/main/engine/formats/safetensors-writer'
import type { TensorType, WeightFile } from '../../../src/main/engine/formats/weight-file'
import type { TensorDescriptor, WeightWriter } from '../../../src/main/engine/formats/weight-writer'
import { blockTypes } from '../../../src/main/engine/formats/block-types'
import { seeded } from './mutate'
import { temporaryFolder } from './temporary-folder'
import { counting, texts, u32, text, writeGguf } from './write-gguf'

const folder = await temporaryFolder()
let made = 0
const path = (name: string): string => join(folder.path, `${made++}-${name}`)

const everyType: GgufMetadata = new Map<string, GgufValue>([
  ['general.architecture', gguf.text('llama')],
  ['text', gguf.text('모루 \u{1F528} "quoted"\n')],
  ['empty', gguf.text('')],
  ['yes', gguf.flag(true)],
  ['u8', { type: 'u8', value: 255 }],
  ['i8', { type: 'i8', value: -128 }],
  ['u16', { type: 'u16', value: 65_535 }],
  ['i16', { type: 'i16', value: -32_768 }],
  ['u32', { type: 'u32', value: 4_294_967_295 }],
  ['i32', { type: 'i32', value: -2_147_483_648 }],
  ['u64', { type: 'u64', value: 2 ** 53 - 1 }],
  ['i64', { type: 'i64', value: -(2 ** 53 - 1) }],
  ['f32', { type: 'f32', value: 0.5 }],
  ['f64', { type: 'f64', value: 1 / 3 }],
  ['strings', gguf.texts(['a', '', '가나'])],
  ['flags', { type: 'array', of: 'bool', value: [true, false] }],
  ['floats', gguf.numbers('f32', [1, -2.5])],
  ['longs', gguf.numbers('i64', [-1, 2 ** 40])],
  ['none', gguf.numbers('u8', [])],
])

/** Every block type that files may hold, with as many bytes as its rows need. */
const ofEveryType: TensorDescriptor[] = (
  ['f32', 'f16', 'bf16', 'q4_1', 'q6_k', 'iq4_xs', 'i8', 'i64'] as TensorType[]
).map((type, i) => ({ name: `blk.${i}.weight`, shape: i % 2 ? [3, 256] : [256], type }))

const sizeOf = ({ shape, type }: TensorDescriptor): number =>
  (shape.reduce((a, b) => a * b, 1) / blockTypes[type].blockSize) * blockTypes[type].blockBytes

function bytesFor(tensor: TensorDescriptor, seed: number): Uint8Array {
  const random = seeded(seed)
  return Uint8Array.from({ length: sizeOf(tensor) }, () => Math.floor(random() * 256))
}

/** Fills every tensor in turns of 100 bytes, the last tensor first. */
async function fill(writer: WeightWriter, tensors: readonly TensorDescriptor[]): Promise<Map<string, Uint8Array>> {
  const data = new Map(tensors.map((tensor, i) => [tensor.name, bytesFor(tensor, i + 1)]))
  for (let at = 0; [...data.values()].some((bytes) => at < bytes.length); at += 100) {
    for (const { name } of tensors.toReversed()) {
      const piece = data.get(name)!.subarray(at, at + 100)
      if (piece.length > 0) await writer.write(name, piece)
    }
  }
  return data
}

async function expectSame(file: WeightFile, tensors: readonly TensorDescriptor[], data: Map<string, Uint8Array>) {
  expect([...file.tensors.keys()].sort()).toEqual(tensors.map((tensor) => tensor.name).sort())
  for (const { name, shape, type } of tensors) {
    expect(file.tensors.get(name)).toMatchObject({ shape, type })
    expect(await file.read(name, 0, file.tensors.get(name)!.sizeBytes)).toEqual(data.get(name))
  }
}

/** Lists of numbers as arrays: readers hand out typed ones. */
const plain = ([key, { value, ...type }]: [string, GgufValue]) => [
  key,
  type,
  typeof value === 'object' ? Array.from(value as ArrayLike<unknown>) : value,
]

describe('GGUF', () => {
  it('keeps metadata of every type and tensors of every block size', async () => {
    const target = path('all.gguf')
    const writer = await createGguf(target, { metadata: everyType, tensors: ofEveryType })
    const data = await fill(writer, ofEveryType)
    expect(await readdir(folder.path)).not.toContain('0-all.gguf')
    expect(await writer.finish()).toEqual([target])
    const file = await openModelFile(target)
    expect(file.sizeBytes).toBe(writer.sizeBytes)
    expect([...ggufMetadataOf(file)].map(plain)).toEqual([...everyType].map(plain))
    expect([...(file.metadata.get('longs') as Float64Array)]).toEqual([-1, 2 ** 40])
    await expectSame(file, ofEveryType, data)
    await file.close()
  })

  it('has the bytes of a file written field by field', async () => {
    const target = path('golden.gguf')
    const tensors = [counting('token_embd.weight', [3, 2]), counting('b', [5], 7)]
    const expected = writeGguf({
      metadata: [
        ['general.architecture', text('llama')],
        ['general.alignment', u32(64)],
        ['tokens', texts(['a', '가'])],
      ],
      tensors,
      alignment: 64,
    }).bytes
    const writer = await createGguf(target, {
      metadata: new Map([
        ['general.architecture', gguf.text('llama')],
        ['general.alignment', gguf.u32(64)],
        ['tokens', gguf.texts(['a', '가'])],
      ]),
      tensors: [
        { name: 'token_embd.weight', shape: [2, 3], type: 'f32' },
        { name: 'b', shape: [5], type: 'f32' },
      ],
    })
    for (const tensor of tensors) await writer.write(tensor.name, tensor.data)
    await writer.finish()
    const bytes = await readFile(target)
    expect(bytes.subarray(0, expected.length)).toEqual(Buffer.from(expected))
    // The last tensor is padded too, as GGML writes it.
    expect(bytes.length % 64).toBe(0)
    expect(bytes.subarray(expected.length).every((byte) => byte === 0)).toBe(true)
  })

  it('splits as gguf-split does, and the shards open as one', async () => {
    const target = path('split.gguf')
    const writer = await createGguf(target, { metadata: everyType, tensors: ofEveryType, shardBytes: 2000 })
    const data = await fill(writer, ofEveryType)
    const paths = await writer.finish()
    expect(paths.length).toBeGreaterThan(2)
    expect(paths[0]).toBe(target.replace('.gguf', `-00001-of-0000${paths.length}.gguf`))
    const file = await openModelFile(paths[0])
    expect(file.metadata.get('split.tensors.count')).toBe(ofEveryType.length)
    expect(file.metadata.get('text')).toBe(everyType.get('text')!.value)
    await expectSame(file, ofEveryType, data)
    await file.close()
    const second = await readFile(paths[1])
    expect(second.includes('general.architecture')).toBe(false)
  })

  it('refuses numbers that their type cannot hold and names that GGML cannot', async () => {
    const metadata = new Map([['n', { type: 'u8', value: 256 } as const]])
    await expect(createGguf(path('x.gguf'), { metadata, tensors: [] })).rejects.toThrow(/n: 256 is no u8/)
    const tensors = [{ name: 'n'.repeat(64), shape: [1], type: 'f32' as const }]
    await expect(createGguf(path('x.gguf'), { metadata: new Map(), tensors })).rejects.toThrow(/63 bytes/)
  })
})

describe('safetensors', () => {
  const tensors: TensorDescriptor[] = (['u8', 'f32', 'bf16', 'i32', 'f16', 'i8'] as TensorType[]).map((type, i) => ({
    name: `t${9 - i}`,
    shape: [i + 1, 33],
    type,
  }))

  it('writes a folder that is there only when it is whole', async () => {
    const target = path('plain')
    const output = await OutputFolder.create(target)
    const data = await output.filledBy(async () => {
      const writer = await createSafetensors(output.path, { tensors, metadata: { recipe: '{}' } })
      const written = await fill(writer, tensors)
      await writer.finish()
      await output.writeJson('config.json', { model_type: 'llama' })
      await expect(readdir(target)).rejects.toThrow()
      return written
    })
    expect((await readdir(target)).sort()).toEqual(['config.json', 'model.safetensors'])
    const file = await openModelFile(target)
    // Wide elements first, then by name: every tensor lies aligned.
    expect([...file.tensors.keys()]).toEqual(['t6', 't8', 't5', 't7', 't4', 't9'])
    await expectSame(file, tensors, data)
    await file.close()
    const bytes = await readFile(join(target, 'model.safetensors'))
    expect(bytes.readUInt32LE(0) % 8).toBe(0)
    expect(bytes.toString('utf8', 8, 60)).toMatch(/^\{"__metadata__":\{"format":"pt","recipe":"\{\}"\},/)
  })

  it('writes shards and their index', async () => {
    const target = path('sharded')
    const output = await OutputFolder.create(target)
    const data = await output.filledBy(async () => {
      const writer = await createSafetensors(output.path, { tensors, shardBytes: 400 })
      const written = await fill(writer, tensors)
      await writer.finish()
      return written
    })
    const names = await readdir(target)
    expect(names).toContain('model.safetensors.index.json')
    expect(names.filter((name) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(name)).length).toBeGreaterThan(2)
    const index = JSON.parse(await readFile(join(target, 'model.safetensors.index.json'), 'utf8')) as {
      metadata: { total_size: number }
    }
    expect(index.metadata.total_size).toBe(tensors.reduce((sum, tensor) => sum + sizeOf(tensor), 0))
    const file = await openModelFile(target)
    await expectSame(file, tensors, data)
    await file.close()
  })

  it('refuses types that it has not', async () => {
    const q4 = [{ name: 'w', shape: [32], type: 'q4_0' as const }]
    await expect(createSafetensors(folder.path, { tensors: q4 })).rejects.toThrow(
      /w: safetensors has no tensors of type q4_0/,
    )
  })
})

describe('what is not finished', () => {
  const tensors: TensorDescriptor[] = [{ name: 'w', shape: [10], type: 'f32' }]
  const contents = { metadata: new Map(), tensors }
  const leftIn = async (): Promise<string[]> => (await readdir(folder.path)).filter((name) => name.includes('.part'))

  it('has no file while a tensor is incomplete, and leaves none', async () => {
    const target = path('half.gguf')
    const writer = await createGguf(target, contents)
    await writer.write('w', new Uint8Array(39))
    await expect(writer.finish()).rejects.toThrow(/tensor w has 39 of its 40 bytes/)
    await expect(writer.write('w', new Uint8Array(2))).rejects.toThrow(/has 40 bytes, but 41 were given/)
    await expect(writer.write('v', new Uint8Array(2))).rejects.toThrow(/not announced/)
    await writer.discard()
    expect(await leftIn()).toEqual([])
    await expect(readFile(target)).rejects.toThrow()
  })

  it('never replaces what is there, not even what came meanwhile', async () => {
    const target = path('taken.gguf')
    const writer = await createGguf(target, contents)
    await writer.write('w', new Uint8Array(40))
    await writeFile(target, 'mine')
    await expect(writer.finish()).rejects.toMatchObject({ code: 'conflict' })
    await writer.discard()
    await expect(createGguf(target, contents)).rejects.toThrow(/exists already/)
    await expect(OutputFolder.create(target)).rejects.toMatchObject({ code: 'conflict' })
    expect(await readFile(target, 'utf8')).toBe('mine')
    expect(await leftIn()).toEqual([])
  })

  it('is removed by the next try when its process was killed, but not while it runs', async () => {
    const target = path('again.gguf')
    const name = target.slice(folder.path.length + 1)
    await folder.write(`.${name}.4194304-0.part`, 'left behind')
    await folder.write(`.${name}.${process.pid}-999.part`, 'in progress')
    const writer = await createGguf(target, contents)
    await writer.discard()
    expect(await leftIn()).toEqual([`.${name}.${process.pid}-999.part`])
  })

  it('says what is wrong where there is no folder or no space', async () => {
    await expect(createGguf(join(folder.path, 'none/x.gguf'), contents)).rejects.toThrow(/There is no folder .*none/)
    const huge = { metadata: new Map(), tensors: [{ name: 'w', shape: [2 ** 24, 2 ** 24], type: 'f32' as const }] }
    const target = path('huge.gguf')
    await expect(createGguf(target, huge)).rejects.toThrow(
      /needs 1,125,899,906,8\d\d,\d{3} bytes, but its disk has only/,
    )
    const output = await OutputFolder.create(path('huge'))
    const filling = output.filledBy(() => createSafetensors(output.path, { tensors: huge.tensors }))
    await expect(filling).rejects.toThrow(/-huge\/model.safetensors needs .* bytes, but its disk has only/)
    expect((await readdir(folder.path)).filter((name) => name.includes('huge'))).toEqual([])
  })
})

it('copies the golden file of all GGML types to the bit', async () => {
  const golden = join(import.meta.dirname, '../../golden/quantization/gguf-types.gguf')
  const source = await openModelFile(golden)
  const target = path('copy.gguf')
  const tensors = [...source.tensors.values()]
  const writer = await createGguf(target, { metadata: ggufMetadataOf(source), tensors })
  for (const { name, sizeBytes } of tensors) await writer.write(name, await source.read(name, 0, sizeBytes))
  await writer.finish()
  await source.close()
  const hash = async (file: string) =>
    createHash('sha256')
      .update(await readFile(file))
      .digest('hex')
  expect(await hash(target)).toBe(await hash(golden))
})
