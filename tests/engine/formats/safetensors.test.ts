/** Sound safetensors files and folders, and every way of lying in a header or an index. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { openSafetensors } from '../../../src/main/engine/formats/safetensors'
import type { ErrorCode } from '../../../src/shared/errors'
import { temporaryFolder } from './temporary-folder'
import { entries, writeSafetensors } from './write-safetensors'

const folder = await temporaryFolder()
const failure = (code: ErrorCode, message: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string })
const floats = (...values: number[]): Uint8Array => new Uint8Array(new Float32Array(values).buffer)

async function storeFolder(name: string, files: Record<string, Uint8Array | string>): Promise<string> {
  const path = join(folder.path, name)
  await mkdir(path)
  for (const [file, bytes] of Object.entries(files)) await writeFile(join(path, file), bytes)
  return path
}

describe('a sound file', () => {
  it('yields its tensors, whatever their order in the header', async () => {
    const { a, b } = entries({ a: [2, 3], b: [1] })
    const scalar = { dtype: 'I64', shape: [], data_offsets: [28, 36] }
    const header = { __metadata__: { format: 'pt' }, 'b "이름"': b, scalar, a }
    const path = await folder.write(
      'good.safetensors',
      writeSafetensors(
        header,
        Uint8Array.from({ length: 36 }, (_, i) => i),
      ).bytes,
    )
    const file = await openSafetensors(path)
    expect(file.tensors.get('a')).toEqual({ name: 'a', shape: [2, 3], type: 'f32', sizeBytes: 24 })
    expect(file.tensors.get('scalar')).toEqual({ name: 'scalar', shape: [], type: 'i64', sizeBytes: 8 })
    expect([...(await file.read('b "이름"', 1, 2))]).toEqual([25, 26])
    expect(file.metadata.size).toBe(0)
    await file.close()
  })

  it.each([
    ['F16', 2, 'f16'],
    ['BF16', 2, 'bf16'],
    ['I8', 1, 'i8'],
    ['U8', 1, 'u8'],
    ['BOOL', 1, 'u8'],
    ['I16', 2, 'i16'],
    ['I32', 4, 'i32'],
  ])('may hold %s', async (dtype, bytes, type) => {
    const header = { w: { dtype, shape: [3], data_offsets: [0, 3 * bytes] } }
    const path = await folder.write(`${dtype}.safetensors`, writeSafetensors(header, new Uint8Array(3 * bytes)).bytes)
    const file = await openModelFile(path)
    expect(file.tensors.get('w')).toEqual({ name: 'w', shape: [3], type, sizeBytes: 3 * bytes })
    await file.close()
  })

  it('may pad its header with spaces', async () => {
    const header = `${JSON.stringify(entries({ a: [1] }))}      `
    const path = await folder.write('padded.safetensors', writeSafetensors(header, floats(7)).bytes)
    const file = await openSafetensors(path)
    expect(await file.read('a', 0, 4)).toEqual(floats(7))
    await file.close()
  })
})

type Header = Parameters<typeof writeSafetensors>[0]
const one = (change: object): Header => ({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...change } })
const eight = new Uint8Array(8)

const hostile: [string, Header, Uint8Array, RegExp, ErrorCode?][] = [
  ['a dtype that does not exist', one({ dtype: 'F33' }), eight, /tensor "a" at byte 9: dtype "F33" does not exist/],
  [
    'a dtype without a reader',
    one({ dtype: 'F8_E4M3' }),
    eight,
    /dtype "F8_E4M3" is not one that Moru reads/,
    'unsupported',
  ],
  ['a dtype named like a method', one({ dtype: 'constructor' }), eight, /"constructor" does not exist/],
  ['no dtype', '{"a":{"shape":[2],"data_offsets":[0,8]}}', eight, /dtype missing does not exist/],
  ['an unknown field', one({ extra: 1 }), eight, /unknown field "extra"/],
  ['an entry that is no object', { a: 7 }, eight, /entry is not an object/],
  ['a negative dimension', one({ shape: [-2] }), eight, /not a list of at most 8 whole numbers/],
  ['a fractional dimension', one({ shape: [1.5] }), eight, /whole numbers/],
  ['nine dimensions', one({ shape: [1, 1, 1, 1, 1, 1, 1, 1, 2] }), eight, /at most 8/],
  ['an empty dimension', one({ shape: [0], data_offsets: [0, 0] }), eight, /not a positive whole number/],
  ['a product that overflows', one({ shape: [2 ** 40, 2 ** 40] }), eight, /more than 2\^53 elements/],
  [
    'an offset near 2^63',
    '{"a":{"dtype":"F32","shape":[2],"data_offsets":[9223372036854775800,9223372036854775808]}}',
    eight,
    /begin and an end/,
  ],
  ['offsets backwards', one({ data_offsets: [8, 0] }), eight, /begin and an end/],
  ['three offsets', one({ data_offsets: [0, 4, 8] }), eight, /begin and an end/],
  [
    'offsets that do not fit the shape',
    one({ data_offsets: [0, 12] }),
    new Uint8Array(12),
    /span 12 bytes, but dtype and shape need 8/,
  ],
  ['data past the end', one({}), new Uint8Array(4), /ends at byte 70, but the file has only 66/],
  ['bytes that belong to none', one({}), new Uint8Array(9), /data at byte 70: 1 bytes after the last tensor/],
  ['a gap', { a: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }, eight, /leaves a gap/],
  [
    'tensors that overlap',
    { ...entries({ a: [2] }), b: { dtype: 'F32', shape: [2], data_offsets: [4, 12] } },
    new Uint8Array(12),
    /tensor "b" at byte 62: its data overlaps/,
  ],
  [
    'a name twice',
    '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
    eight,
    /at byte 62: the JSON is broken: the name "a" appears twice/,
  ],
  [
    'a field twice',
    '{"a":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]}}',
    eight,
    /the name "dtype" appears twice/,
  ],
  [
    'a name twice by an escape',
    '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":1}',
    eight,
    /appears twice/,
  ],
  ['a name with a separator', { '../a': { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, eight, /path separator/],
  [
    'metadata that is no text',
    { __metadata__: { format: 7 }, ...entries({ a: [2] }) },
    eight,
    /__metadata__ is not an object of texts/,
  ],
  ['a list', '[1, 2]', eight, /the JSON is not an object/],
  ['deep nesting', '['.repeat(5000), eight, /more than 16 levels/],
  ['an endless list', `[${'1,'.repeat(2000)}1]`, eight, /a list of more than 1024 values/],
  ['no end', '{"a":', eight, /a value was expected/],
  ['a second value', '{}{}', eight, /more text after the end/],
  ['a false escape', '{"\\q":1}', eight, /an escape that does not exist/],
  ['a line break in a name', '{"\n":1}', eight, /control character/],
]

describe('a hostile file', () => {
  for (const [what, header, data, message, code] of hostile) {
    it(`with ${what} is refused by name`, async () => {
      const path = await folder.write('hostile.safetensors', writeSafetensors(header, data).bytes)
      await expect(openSafetensors(path)).rejects.toEqual(failure(code ?? 'invalid_file', message))
    })
  }

  it.each([0, 1, 9, 2 ** 31, 2n ** 63n, 2n ** 64n - 1n])('with a header of %s bytes is refused', async (length) => {
    const path = await folder.write('length.safetensors', writeSafetensors('{}', new Uint8Array(), length).bytes)
    await expect(openSafetensors(path)).rejects.toEqual(
      failure('invalid_file', /header length at byte 0: .* is no length/),
    )
  })

  it('with bytes that are no UTF-8 is refused', async () => {
    const { bytes } = writeSafetensors('{"a":1}', eight)
    bytes[10] = 0xff
    const path = await folder.write('latin.safetensors', bytes)
    await expect(openSafetensors(path)).rejects.toEqual(
      failure('invalid_file', /header at byte 8: the JSON is not valid UTF-8/),
    )
  })

  it('cut anywhere is refused', async () => {
    const { bytes } = writeSafetensors(one({}), eight)
    for (let length = 0; length < bytes.length; length++) {
      const path = await folder.write('cut.safetensors', bytes.subarray(0, length))
      await expect(openSafetensors(path), `cut at ${length}`).rejects.toEqual(failure('invalid_file', /at byte/))
    }
  })
})

describe('a folder', () => {
  const shard = (name: string): Uint8Array => writeSafetensors(entries({ [name]: [2] }), eight).bytes
  const index = (map: unknown): string => JSON.stringify({ metadata: { total_size: 16 }, weight_map: map })
  const [first, second] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
  const indexName = 'model.safetensors.index.json'

  it('with an index opens as one model, from the folder, the index or any shard', async () => {
    const path = await storeFolder('indexed', {
      [first]: shard('a'),
      [second]: shard('b'),
      [indexName]: index({ a: first, b: second }),
    })
    for (const given of [path, join(path, indexName), join(path, second)]) {
      const file = await openModelFile(given)
      expect([...file.tensors.keys()]).toEqual(['a', 'b'])
      expect(file.paths).toEqual([join(path, first), join(path, second)])
      await file.close()
    }
  })

  it('with model.safetensors, or one file of another name, opens that', async () => {
    for (const name of ['model.safetensors', 'adapter.safetensors']) {
      const path = await storeFolder(`with-${name}`, { [name]: shard('a'), 'config.json': '{}' })
      const file = await openModelFile(path)
      expect(file.paths).toEqual([join(path, name)])
      await file.close()
    }
  })

  const maps: [string, unknown, RegExp, ErrorCode?][] = [
    ['a shard outside the folder', { a: '../secret.safetensors' }, /lies in "\.\.\/secret\.safetensors"/],
    ['a shard by absolute path', { a: '/etc/x.safetensors' }, /no plain \.safetensors name/],
    ['a shard by Windows path', { a: 'C:\\x.safetensors' }, /no plain \.safetensors name/],
    ['a shard named ..', { a: '..x.safetensors' }, /no plain \.safetensors name/],
    ['a shard that is no safetensors', { a: 'model.bin' }, /no plain \.safetensors name/],
    ['a shard that is a number', { a: 7 }, /tensor "a" lies in 7/],
    ['a shard that is missing', { a: first, b: 'gone.safetensors' }, /gone\.safetensors/, 'not_found'],
    ['a tensor in the wrong shard', { a: second, b: first }, /tensor "a" is not in model-00002/],
    ['a tensor in no shard', { a: first, b: second, c: second }, /tensor "c" is not in/],
    ['a tensor left out', { a: first, c: second }, /tensor "c" is not in/],
    ['nothing', {}, /weight_map is missing or empty/],
    ['a list', ['a'], /weight_map is missing or empty/],
  ]
  for (const [what, map, message, code] of maps) {
    it(`whose index names ${what} is refused`, async () => {
      const files = { [first]: shard('a'), [second]: shard('b'), [indexName]: index(map) }
      const path = await storeFolder(what.replaceAll(' ', '-'), files)
      await expect(openModelFile(path)).rejects.toEqual(failure(code ?? 'invalid_file', message))
    })
  }

  it('whose index leaves a tensor out, or whose shards repeat one, is refused', async () => {
    const both = writeSafetensors(entries({ b: [1], c: [1] }), eight).bytes
    const extra = await storeFolder('extra', {
      [first]: shard('a'),
      [second]: both,
      [indexName]: index({ a: first, b: second }),
    })
    await expect(openModelFile(extra)).rejects.toEqual(failure('invalid_file', /does not name tensor "c"/))
    const twice = await storeFolder('twice', {
      [first]: shard('a'),
      [second]: shard('a'),
      [indexName]: index({ a: first, b: second }),
    })
    await expect(openModelFile(twice)).rejects.toEqual(
      failure('invalid_file', /tensor "a" is in model-00001-of-00002\.safetensors as well/),
    )
  })

  it('without a model says what it wants instead', async () => {
    const none = await storeFolder('none', { 'config.json': '{}' })
    await expect(openModelFile(none)).rejects.toEqual(failure('invalid_input', /holds no model/))
    const pickled = await storeFolder('pickled', { 'pytorch_model.bin': eight })
    await expect(openModelFile(pickled)).rejects.toEqual(failure('unsupported', /convert it to safetensors/))
    await expect(openModelFile(join(none, 'config.json'))).rejects.toEqual(
      failure('unsupported', /neither GGUF nor safetensors/),
    )
  })
})
