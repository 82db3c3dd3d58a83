/** Every way for a GGUF file to lie about a count, an offset, a length or a type. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openGguf } from '../../../src/main/engine/formats/gguf'
import type { ErrorCode } from '../../../src/shared/errors'
import { temporaryFolder } from './temporary-folder'
import { counting, text, texts, u32, writeGguf, type GgufParts, type Value } from './write-gguf'

const folder = await temporaryFolder()
let files = 0
const store = (parts: GgufParts): Promise<string> => folder.write(`${files++}.gguf`, writeGguf(parts).bytes)
const failure = (code: ErrorCode, message: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string })

const oneTensor = (change: Partial<ReturnType<typeof counting>>): GgufParts => ({
  tensors: [{ ...counting('blk.0.w', [32]), ...change }],
})
const oneValue = (value: Value, key = 'k'): GgufParts => ({ metadata: [[key, value]] })
const big = 2n ** 63n - 1n
const vocabulary = (extra: [string, Value][]): GgufParts => ({
  metadata: [['tokenizer.ggml.tokens', texts(['a', 'b', 'ab'])], ...extra],
})

const hostile: [string, GgufParts, RegExp, ErrorCode?][] = [
  ['a version of the future', { version: 4 }, /version at byte 4: GGUF version 4/, 'unsupported'],
  ['version 1', { version: 1 }, /version 1/, 'unsupported'],
  ['a big-endian file', { version: 0x03000000 }, /big-endian/, 'unsupported'],
  ['a version that never was', { version: 77 }, /version 77 does not exist/],
  ['2^63 tensors', { tensorCount: big }, /tensor count at byte 8: 9,223,372,036,854,775,807 is beyond 2\^53/],
  ['a billion tensors', { tensorCount: 1e9 }, /tensor count at byte 8: 1,000,000,000 entries need/],
  ['a billion pairs', { pairCount: 1e9 }, /metadata count at byte 16: 1,000,000,000 entries need/],
  ['an endless key', { metadata: [['k'.repeat(70_000), u32(1)]] }, /key 1 of 1 at byte 24: a name of 70,000 bytes/],
  ['an empty key', { metadata: [['', u32(1)]] }, /key 1 of 1 at byte 24: an empty name/],
  [
    'a key twice',
    {
      metadata: [
        ['k', u32(1)],
        ['k', u32(1)],
      ],
    },
    /key "k" at byte 41: the same name appears twice/,
  ],
  ['a boolean of 2', oneValue({ type: 'bool', value: 2 }), /value of "k".*neither false \(0\) nor true/],
  ['an integer beyond 2^53', oneValue({ type: 'u64', value: 2n ** 53n }), /9,007,199,254,740,992 is beyond 2\^53/],
  ['an integer below -2^53', oneValue({ type: 'i64', value: -(2n ** 60n) }), /beyond 2\^53/],
  [
    'text that is no UTF-8',
    oneValue(text(new Uint8Array([0x61, 0xff, 0x62]))),
    /value of "k" at byte 45: .*not valid UTF-8/,
  ],
  [
    'a string above a megabyte',
    oneValue(text('x'.repeat(2 ** 20 + 1))),
    /a string of 1,048,577 bytes; at most 1,048,576/,
  ],
  [
    '70,000 booleans',
    oneValue({ type: 'array', of: 'bool', values: new Array<number>(70_000).fill(1) }),
    /70,000 booleans; at most 65,536/,
  ],
  ['half a character', oneValue(texts([new Uint8Array([0xea, 0xb0])])), /not valid UTF-8/],
  ['an array of 2^61 numbers', oneValue({ type: 'array', of: 'f64', values: [1], count: 2n ** 61n }), /beyond 2\^53/],
  [
    'an array of 10^12 numbers',
    oneValue({ type: 'array', of: 'f32', values: [1], count: 1e12 }),
    /1,000,000,000,000 elements need at least 4,000,000,000,000 bytes/,
  ],
  [
    'an array of 10^9 strings',
    oneValue({ type: 'array', of: 'string', values: ['a'], count: 1e9 }),
    /1,000,000,000 elements need/,
  ],
  [
    'a type of 31',
    oneTensor({ type: 31 }),
    /tensor "blk\.0\.w" at byte 51: type 31 is not a GGML type that Moru reads/,
  ],
  ['a type without a reader', oneTensor({ type: 16 }), /type IQ2_XXS is not one that Moru reads/, 'unsupported'],
  ['five dimensions', oneTensor({ dims: [1, 1, 1, 1, 32] }), /5 dimensions/],
  ['no dimension', oneTensor({ dims: [] }), /0 dimensions/],
  ['an empty dimension', oneTensor({ dims: [32, 0] }), /shape \[0, 32\] has a dimension that is not a positive/],
  ['dimensions of 2^63', oneTensor({ dims: [big] }), /beyond 2\^53/],
  ['a product that overflows 64 bits', oneTensor({ dims: [2 ** 40, 2 ** 40] }), /more than 2\^53 elements/],
  ['bytes beyond 2^53', oneTensor({ dims: [2 ** 52] }), /more than 2\^53 bytes/],
  [
    'part of a block',
    oneTensor({ dims: [48], type: 2 }),
    /rows of 48 elements are no whole number of q4_0 blocks of 32/,
  ],
  ['data past the end', oneTensor({ dims: [64] }), /its data ends at byte 320, but the file has only 192/],
  ['an offset past the end', oneTensor({ offset: 1 << 20 }), /but the file has only/],
  ['an offset near 2^63', oneTensor({ offset: big - 31n }), /beyond 2\^53/],
  ['an offset off the alignment', oneTensor({ offset: 4 }), /no multiple of the alignment 32/],
  [
    'tensors that overlap',
    { tensors: [counting('a', [32]), { ...counting('b', [32]), offset: 32 }] },
    /overlaps that of tensor "a"/,
  ],
  [
    'a tensor twice',
    { tensors: [counting('a', [32]), counting('a', [32])] },
    /tensor "a" at byte 57: the same name appears twice/,
  ],
  ['a tensor without a name', oneTensor({ name: '' }), /an empty tensor name/],
  ['a name with a separator', oneTensor({ name: '../../etc/passwd' }), /path separator/],
  ['a name with a backslash', oneTensor({ name: 'a\\b' }), /path separator/],
  ['a name with a line break', oneTensor({ name: 'a\nb' }), /control character/],
  ['a name of 600 bytes', oneTensor({ name: 'n'.repeat(600) }), /a name of 600 bytes/],
  ['alignment 0', oneValue(u32(0), 'general.alignment'), /0 is no alignment/],
  ['alignment 48', oneValue(u32(48), 'general.alignment'), /48 is no alignment/],
  ['alignment 2^31', oneValue(u32(2 ** 31), 'general.alignment'), /2147483648 is no alignment/],
  ['an alignment that is text', oneValue(text('32'), 'general.alignment'), /no alignment/],
  [
    'scores for other tokens',
    vocabulary([['tokenizer.ggml.scores', { type: 'array', of: 'f32', values: [0, 0] }]]),
    /scores has 2 entries for 3 tokens/,
  ],
  [
    'types for other tokens',
    vocabulary([['tokenizer.ggml.token_type', { type: 'array', of: 'i32', values: [1, 1, 1, 1] }]]),
    /token_type has 4 entries for 3 tokens/,
  ],
  [
    'a merge to no token',
    vocabulary([['tokenizer.ggml.merges', texts(['a b', 'b a'])]]),
    /merge 2, "b a", does not join two tokens/,
  ],
  ['a merge of nothing', vocabulary([['tokenizer.ggml.merges', texts(['ab'])]]), /merge 1, "ab", does not join/],
  [
    'tokens that are numbers',
    oneValue({ type: 'array', of: 'u8', values: [1] }, 'tokenizer.ggml.tokens'),
    /not a list of strings/,
  ],
]

describe('a hostile file', () => {
  for (const [what, parts, message, code] of hostile) {
    it(`with ${what} is refused by name`, async () => {
      await expect(openGguf(await store(parts))).rejects.toEqual(failure(code ?? 'invalid_file', message))
    })
  }

  it('with a string that ends behind the file is refused by name', async () => {
    const { bytes, fields } = writeGguf(oneValue(text('abc')))
    const field = fields.find(({ name }) => name === 'length of k')
    new DataView(bytes.buffer).setBigUint64(field?.offset ?? 0, 1000n, true)
    const path = await folder.write('long.gguf', bytes)
    await expect(openGguf(path)).rejects.toEqual(failure('invalid_file', /value of "k" at byte 45: needs 1,000 bytes/))
  })

  it('with an array of arrays or an element type out of range is refused by name', async () => {
    const { bytes, fields } = writeGguf(oneValue({ type: 'array', of: 'u32', values: [1, 2, 3, 4, 5, 6] }))
    const field = fields.find(({ name }) => name === 'element type of k')
    const withType = (type: number): Promise<string> => {
      new DataView(bytes.buffer).setUint32(field?.offset ?? 0, type, true)
      return folder.write('nested.gguf', bytes)
    }
    await expect(openGguf(await withType(9))).rejects.toEqual(failure('unsupported', /array of arrays/))
    await expect(openGguf(await withType(13))).rejects.toEqual(failure('invalid_file', /value type 13 does not exist/))
  })

  it('cut anywhere in its header is refused', async () => {
    const { bytes } = writeGguf({ metadata: [['k', texts(['a', 'b'])]], tensors: [counting('w', [8])] })
    for (let length = 0; length < bytes.length; length++) {
      const path = await folder.write('cut.gguf', bytes.subarray(0, length))
      await expect(openGguf(path), `cut at ${length}`).rejects.toEqual(failure('invalid_file', /at byte/))
    }
  })

  it('that is something else, or nothing, is refused', async () => {
    const text = await folder.write('text.gguf', 'Once upon a time there was a text that is long enough.')
    await expect(openGguf(text)).rejects.toEqual(failure('invalid_file', /does not begin with "GGUF"/))
    await expect(openGguf(join(folder.path, 'none.gguf'))).rejects.toEqual(failure('not_found', /none\.gguf/))
    await expect(openGguf(folder.path)).rejects.toEqual(failure('invalid_input', /is not a file/))
  })
})
