/** Sound GGUF files, and models in shards. */
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openGguf } from '../../../src/main/engine/formats/gguf'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import type { ErrorCode } from '../../../src/shared/errors'
import { temporaryFolder } from './temporary-folder'
import { counting, f32, text, texts, u32, writeGguf, type GgufParts, type Value } from './write-gguf'

const folder = await temporaryFolder()
let files = 0
const store = (parts: GgufParts): Promise<string> => folder.write(`${files++}.gguf`, writeGguf(parts).bytes)
const failure = (code: ErrorCode, message: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string })

describe('a sound file', () => {
  it.each([2, 3])('of version %i yields its metadata and tensors', async (version) => {
    const metadata: [string, Value][] = [
      ['general.architecture', text('llama')],
      ['a.u8', { type: 'u8', value: 200 }],
      ['a.i8', { type: 'i8', value: -3 }],
      ['a.u16', { type: 'u16', value: 60_000 }],
      ['a.i16', { type: 'i16', value: -300 }],
      ['a.u32', u32(4_000_000_000)],
      ['a.i32', { type: 'i32', value: -7 }],
      ['a.f32', f32(0.5)],
      ['a.bool', { type: 'bool', value: 1 }],
      ['a.u64', { type: 'u64', value: 2n ** 53n - 1n }],
      ['a.i64', { type: 'i64', value: -(2n ** 40n) }],
      ['a.f64', { type: 'f64', value: 0.1 }],
      ['모루.이름', text('모루 — anvil 🔨')],
      ['l.texts', texts(['', '한국어', 'b'])],
      ['l.f32', { type: 'array', of: 'f32', values: [1, 2.5] }],
      ['l.i32', { type: 'array', of: 'i32', values: [-1, 2] }],
      ['l.u64', { type: 'array', of: 'u64', values: [1, 2n ** 50n] }],
      ['l.bool', { type: 'array', of: 'bool', values: [1, 0] }],
      ['l.none', { type: 'array', of: 'u16', values: [] }],
    ]
    const tensors = [counting('a.weight', [3, 2]), counting('b.weight', [5], 100)]
    const file = await openGguf(await store({ version, metadata, tensors }))
    expect(Object.fromEntries(file.metadata)).toEqual({
      'general.architecture': 'llama',
      'a.u8': 200,
      'a.i8': -3,
      'a.u16': 60_000,
      'a.i16': -300,
      'a.u32': 4_000_000_000,
      'a.i32': -7,
      'a.f32': 0.5,
      'a.bool': true,
      'a.u64': 2 ** 53 - 1,
      'a.i64': -(2 ** 40),
      'a.f64': 0.1,
      '모루.이름': '모루 — anvil 🔨',
      'l.texts': ['', '한국어', 'b'],
      'l.f32': new Float32Array([1, 2.5]),
      'l.i32': new Int32Array([-1, 2]),
      'l.u64': new Float64Array([1, 2 ** 50]),
      'l.bool': [true, false],
      'l.none': new Uint16Array(),
    })
    expect(file.tensors.get('a.weight')).toEqual({ name: 'a.weight', shape: [2, 3], type: 'f32', sizeBytes: 24 })
    const part = await file.read('b.weight', 4, 8)
    expect(new Float32Array(part.buffer)).toEqual(new Float32Array([101, 102]))
    await file.close()
  })

  it('may state another alignment, and may hold no tensors at all', async () => {
    const metadata: [string, Value][] = [['general.alignment', u32(256)]]
    const tensors = [counting('a', [3]), counting('b', [2], 7)]
    const file = await openGguf(await store({ metadata, tensors, alignment: 256 }))
    expect(new Float32Array((await file.read('b', 0, 8)).buffer)).toEqual(new Float32Array([7, 8]))
    await file.close()
    const vocabulary = await openGguf(await store({ metadata: [['tokenizer.ggml.tokens', texts(['a'])]] }))
    expect(vocabulary.tensors.size).toBe(0)
    await vocabulary.close()
  })

  it('may hold strings longer than the buffer, and skips a copy of tokenizer.json', async () => {
    const long = '가'.repeat(200_000)
    const metadata: [string, Value][] = [
      ['tokenizer.huggingface.json', text('{'.repeat(3_000_000))],
      ['tokenizer.chat_template', text(long)],
      ['after', u32(1)],
    ]
    const file = await openGguf(await store({ metadata }))
    expect([...file.metadata.keys()]).toEqual(['tokenizer.chat_template', 'after'])
    expect(file.metadata.get('tokenizer.chat_template')).toBe(long)
    await file.close()
  })

  it('refuses reads beyond a tensor and of tensors that it does not have', async () => {
    const file = await openGguf(await store({ tensors: [counting('a', [4])] }))
    await expect(file.read('a', 8, 9)).rejects.toEqual(failure('invalid_input', /16/))
    await expect(file.read('a', -1, 1)).rejects.toEqual(failure('invalid_input', /-1/))
    await expect(file.read('b', 0, 1)).rejects.toEqual(failure('not_found', /b/))
    await file.close()
  })

  it('is found in its folder, and by its first bytes when it has no extension', async () => {
    const { bytes } = writeGguf({ tensors: [counting('a', [4])] })
    const lone = await openModelFile(await folder.write('sha256-0a1b', bytes))
    expect(lone.tensors.has('a')).toBe(true)
    await lone.close()
    await expect(openModelFile(folder.path)).rejects.toEqual(failure('invalid_input', /several models/))
  })
})

describe('shards', () => {
  interface Shard {
    no?: number
    count?: number
    total?: number
    tensor?: string
    extra?: [string, Value][]
  }
  const shardBytes = ({ no = 0, count = 3, total = 3, tensor = `t${no}`, extra = [] }: Shard): Uint8Array =>
    writeGguf({
      metadata: [
        ...(no === 0 ? [['general.architecture', text('llama')] as [string, Value]] : []),
        ['split.no', { type: 'u16', value: no }],
        ['split.count', { type: 'u16', value: count }],
        ['split.tensors.count', { type: 'i32', value: total }],
        ...extra,
      ],
      tensors: [counting(tensor, [4], 10 * no)],
    }).bytes
  const name = (set: string, no: number): string => `${set}-0000${no + 1}-of-00003.gguf`
  async function storeSet(set: string, changes: (Shard | null)[] = []): Promise<string> {
    for (const no of [0, 1, 2]) {
      const change = changes[no]
      if (change !== null) await folder.write(name(set, no), shardBytes({ no, ...change }))
    }
    return join(folder.path, name(set, 0))
  }

  it('open as one model', async () => {
    const file = await openGguf(await storeSet('good', [{}, { extra: [['later', u32(5)]] }]))
    expect(file.paths).toEqual([0, 1, 2].map((no) => join(folder.path, name('good', no))))
    expect([...file.tensors.keys()]).toEqual(['t0', 't1', 't2'])
    expect(file.metadata.get('later')).toBe(5)
    expect(new Float32Array((await file.read('t2', 0, 16)).buffer)[0]).toBe(20)
    await file.close()
  })

  const broken: [string, (Shard | null)[], RegExp, ErrorCode?][] = [
    ['missing', [{}, {}, null], /The shard .*-00003-of-00003\.gguf is missing/, 'not_found'],
    ['out of order', [{}, { no: 2 }, {}], /it says it is shard 3 of 3, not 2 of 3/],
    ['of another split', [{}, { count: 4 }, {}], /it says it is shard 2 of 4/],
    ['without a number', [{ count: 2 }], /one of 2 shards, but is not named like one/],
    ['repeating a tensor', [{}, { tensor: 't0' }, {}], /tensor "t0" is in shard .*-00001-of-00003\.gguf as well/],
    ['too few tensors', [{ total: 4 }], /split\.tensors\.count is 4, but the shards hold 3/],
    ['in contradiction', [{}, { extra: [['general.architecture', text('qwen2')]] }], /"general\.architecture" differs/],
    ['too many', [{ count: 60_000 }], /split\.count is 60,000; at most 256/],
    ['numbered by text', [{}, { extra: [] }, { no: -1 }], /it says it is shard 65536 of 3/],
  ]
  for (const [what, changes, message, code] of broken) {
    it(`that are ${what} are refused`, async () => {
      const path = await storeSet(what.replaceAll(' ', '-'), changes)
      await expect(openGguf(path)).rejects.toEqual(failure(code ?? 'invalid_file', message))
    })
  }

  it('that lead back to the first are refused', async () => {
    const path = await storeSet('cycle', [{}, null, {}])
    await symlink(path, join(folder.path, name('cycle', 1)))
    await expect(openGguf(path)).rejects.toEqual(failure('invalid_file', /it is the same file as shard/))
  })

  it('open from the first one only', async () => {
    await storeSet('second')
    const path = join(folder.path, name('second', 1))
    await expect(openGguf(path)).rejects.toEqual(failure('invalid_file', /Open second-00001-of-00003\.gguf instead/))
  })

  it('under another name are refused', async () => {
    const path = await folder.write('renamed.gguf', shardBytes({}))
    await expect(openGguf(path)).rejects.toEqual(failure('invalid_file', /NAME-00001-of-00003\.gguf/))
  })
})
