/**
 * Ten thousand damaged models. Each must load, or be refused by an error of ours; none may crash, take a second, or make
 * the reader ask for more memory at once than the file's size and one megabyte.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { WeightFile } from '../../../src/main/engine/formats/weight-file'
import { MoruError } from '../../../src/shared/errors'
import { mutate, seeded, type Seed } from './mutate'
import { temporaryFolder } from './temporary-folder'
import { watchAllocations } from './watch-allocations'
import { counting, f32, text, texts, u32, writeGguf, type Value } from './write-gguf'
import { entries, writeSafetensors } from './write-safetensors'

const spareBytes = 1024 * 1024
const longestMs = 1000

const folder = await temporaryFolder()
const golden = join(import.meta.dirname, '../../golden/quantization/gguf-types.gguf')
const watch = watchAllocations()
afterAll(() => watch.stop())
// Imported under watch: a module may keep a constructor that it finds when it is loaded.
const { openModelFile } = await import('../../../src/main/engine/formats/model-file')
const { codebooks } = await import('../../../src/main/engine/formats/codebooks')
const { readGgufConfig } = await import('../../../src/main/engine/models/read-gguf-config')

function ggufSeeds(types: Uint8Array): Seed[] {
  const metadata: [string, Value][] = [
    ['general.architecture', text('llama')],
    ['general.alignment', u32(64)],
    ['llama.block_count', u32(2)],
    ['llama.context_length', u32(64)],
    ['llama.embedding_length', u32(8)],
    ['llama.feed_forward_length', u32(16)],
    ['llama.attention.head_count', u32(2)],
    ['llama.attention.layer_norm_rms_epsilon', f32(1e-5)],
    ['tokenizer.ggml.tokens', texts(['a', 'b', 'ab', '가'])],
    ['tokenizer.ggml.scores', { type: 'array', of: 'f32', values: [0, -1, -2, -3] }],
    ['tokenizer.ggml.token_type', { type: 'array', of: 'i32', values: [1, 1, 1, 1] }],
    ['tokenizer.ggml.merges', texts(['a b'])],
    ['tokenizer.ggml.eos_token_id', u32(1)],
    ['flags', { type: 'array', of: 'bool', values: [1, 0, 1] }],
    ['longs', { type: 'array', of: 'i64', values: [-1n, 5n] }],
  ]
  const tensors = [counting('token_embd.weight', [8, 4]), counting('rope_freqs.weight', [2], 1), counting('a', [3])]
  return [
    writeGguf({ metadata, tensors, alignment: 64 }),
    writeGguf({ version: 2, metadata: metadata.slice(2, 8), tensors: [counting('x', [2, 3, 4, 5])] }),
    writeGguf({ metadata: metadata.slice(8) }),
    { bytes: types, fields: [] },
  ]
}

function safetensorsSeeds(): Seed[] {
  const shapes = { 'model.embed_tokens.weight': [4, 8], 'model.norm.weight': [8], 'lm_head.weight': [4, 8] }
  const data = new Uint8Array(4 * (32 + 8 + 32))
  return [
    writeSafetensors({ __metadata__: { format: 'pt' }, ...entries(shapes) }, data),
    writeSafetensors(entries({ 가중치: [3], b: [] }), new Uint8Array(16)),
    writeSafetensors(
      `${JSON.stringify({ h: { dtype: 'BF16', shape: [2, 2], data_offsets: [0, 8] } })}   `,
      data.subarray(0, 8),
    ),
  ]
}

/** A checkpoint of zeros, but for the values of a codebook and the text of a quant_state. */
function packed(tensors: Record<string, unknown[]>, map?: Float32Array, state = ''): Seed {
  const widths: Record<string, number> = { I32: 4, F32: 4, F16: 2, U8: 1, I8: 1 }
  const header: Record<string, unknown> = {}
  const data: Uint8Array[] = []
  let end = 0
  for (const [name, [dtype, shape]] of Object.entries(tensors) as [string, [string, number[]]][]) {
    const bytes = new Uint8Array(widths[dtype] * shape.reduce((a, b) => a * b, 1))
    if (map && name.endsWith('quant_map')) bytes.set(new Uint8Array(map.buffer, map.byteOffset, map.byteLength))
    if (name.includes('quant_state')) bytes.set(new TextEncoder().encode(state))
    header[name] = { dtype, shape, data_offsets: [end, (end += bytes.length)] }
    data.push(bytes)
  }
  return writeSafetensors(header, new Uint8Array(Buffer.concat(data)))
}

/** What a load that succeeded must keep: all tensors inside the files, readable to their last byte. */
async function checkTensors(file: WeightFile): Promise<void> {
  let total = 0
  for (const { name, sizeBytes, quantized } of file.tensors.values()) {
    total += sizeBytes
    if (quantized) {
      // Values that cannot be are found when they are read.
      await orRefusal(file.readQuantized!(name))
      continue
    }
    expect((await file.read(name, Math.max(0, sizeBytes - 8), Math.min(8, sizeBytes))).length).toBeGreaterThan(0)
  }
  expect(total).toBeLessThanOrEqual(file.sizeBytes)
}

/** Opens one damaged file; 'loaded', or the code of the error that refused it. */
async function open(path: string): Promise<string> {
  const opened = await orRefusal(openModelFile(path))
  if (typeof opened === 'string') return opened
  try {
    await checkTensors(opened).catch((thrown: unknown) => {
      throw new Error('the file was accepted, but cannot be used', { cause: thrown })
    })
    const config = opened.format === 'gguf' ? await orRefusal(readGgufConfig(opened)) : 'loaded'
    return typeof config === 'string' ? config : 'loaded'
  } finally {
    await opened.close()
  }
}

async function orRefusal<T>(work: Promise<T>): Promise<T | string> {
  try {
    return await work
  } catch (thrown) {
    if (!(thrown instanceof MoruError)) throw thrown
    expect(thrown.message.length).toBeLessThan(1000)
    expect(thrown.message).not.toMatch(/\p{Cc}/u)
    return thrown.code
  }
}

async function fuzz(name: string, seeds: Seed[], count: number, firstSeed: number): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    const random = seeded(firstSeed + i)
    const bytes = mutate(seeds[i % seeds.length], seeds, random)
    const path = await folder.write(name, bytes)
    const buffersBefore = process.memoryUsage().arrayBuffers
    watch.takeLargest()
    const start = performance.now()
    const outcome = await open(path).catch((thrown: unknown) => {
      throw new Error(`mutation ${firstSeed + i} of ${name}`, { cause: thrown })
    })
    const label = `mutation ${firstSeed + i} of ${name}: ${outcome}`
    expect(performance.now() - start, label).toBeLessThan(longestMs)
    expect(watch.takeLargest(), label).toBeLessThanOrEqual(bytes.length + spareBytes)
    expect(process.memoryUsage().arrayBuffers - buffersBefore, label).toBeLessThanOrEqual(bytes.length + spareBytes)
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  return outcomes
}

/** Only these codes may refuse a file, and damage must show as well as harmless changes pass. */
function checkOutcomes(outcomes: Map<string, number>): void {
  for (const outcome of outcomes.keys()) expect(['loaded', 'invalid_file', 'unsupported']).toContain(outcome)
  expect(outcomes.get('loaded')).toBeGreaterThan(100)
  expect(outcomes.get('invalid_file')).toBeGreaterThan(1000)
}

describe('damaged models', () => {
  it('sees what the readers allocate', async () => {
    const path = await folder.write(
      'seen.gguf',
      writeGguf({ metadata: [['k', { type: 'array', of: 'f64', values: new Array<number>(50_000).fill(1) }]] }).bytes,
    )
    watch.takeLargest()
    await (await openModelFile(path)).close()
    expect(watch.takeLargest()).toBe(400_000)
  })

  it('are refused or loaded: 5,000 GGUF files', { timeout: 120_000 }, async () => {
    const seeds = ggufSeeds(new Uint8Array(await readFile(golden)))
    const rss = process.memoryUsage().rss
    checkOutcomes(await fuzz('fuzz.gguf', seeds, 5000, 1))
    expect(process.memoryUsage().rss - rss).toBeLessThan(300 * 1024 * 1024)
  })

  it('are refused or loaded: 5,000 safetensors files', { timeout: 120_000 }, async () => {
    const rss = process.memoryUsage().rss
    checkOutcomes(await fuzz('fuzz.safetensors', safetensorsSeeds(), 5000, 100_001))
    expect(process.memoryUsage().rss - rss).toBeLessThan(300 * 1024 * 1024)
  })

  it('are refused or loaded: 2,000 quantized checkpoints', { timeout: 60_000 }, async () => {
    await mkdir(join(folder.path, 'gptq'))
    await folder.write('gptq/config.json', '{"quantization_config": {"quant_method": "gptq", "bits": 4}}')
    const gptq = {
      'a.qweight': ['I32', [2, 8]],
      'a.qzeros': ['I32', [1, 1]],
      'a.scales': ['F16', [1, 8]],
      'a.g_idx': ['I32', [16]],
    }
    const state = '{"quant_type": "nf4", "blocksize": 64, "dtype": "float16", "shape": [2, 64]}'
    const nf4 = {
      'w.weight': ['U8', [64, 1]],
      'w.weight.absmax': ['F32', [2]],
      'w.weight.quant_map': ['F32', [16]],
      'w.weight.quant_state.bitsandbytes__nf4': ['U8', [state.length]],
      'v.weight': ['I8', [2, 4]],
      'v.SCB': ['F32', [2]],
    }
    const known = await readFile(join(import.meta.dirname, '../../golden/quantization/bitsandbytes/model.safetensors'))
    const seeds = [packed(gptq), packed(nf4, codebooks.nf4, state), { bytes: new Uint8Array(known), fields: [] }]
    checkOutcomes(await fuzz('gptq/model.safetensors', seeds, 2000, 300_001))
  })

  it('are refused or loaded: 1,000 indexes', { timeout: 60_000 }, async () => {
    await mkdir(join(folder.path, 'indexed'))
    await folder.write('indexed/a.safetensors', writeSafetensors(entries({ a: [2] }), new Uint8Array(8)).bytes)
    await folder.write('indexed/b.safetensors', writeSafetensors(entries({ b: [2] }), new Uint8Array(8)).bytes)
    const index = JSON.stringify({
      metadata: { total_size: 16 },
      weight_map: { a: 'a.safetensors', b: 'b.safetensors' },
    })
    const seeds = [{ bytes: new TextEncoder().encode(index), fields: [] }]
    const outcomes = await fuzz('indexed/model.safetensors.index.json', seeds, 1000, 200_001)
    for (const outcome of outcomes.keys()) {
      expect(['loaded', 'invalid_file', 'unsupported', 'not_found']).toContain(outcome)
    }
    expect(outcomes.get('invalid_file')).toBeGreaterThan(500)
  })
})
