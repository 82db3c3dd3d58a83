/** Two embedding models over the same passages: the figures against their definitions, and a model against itself and a coarse copy. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { convertModel } from '../../../src/main/engine/convert/convert-model'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { cosines, sharedNeighbours } from '../../../src/main/engine/quantize/embedding-agreement'
import { readSentenceSettings } from '../../../src/main/engine/runtime/sentence-settings'
import { type ModelLibrary } from '../../../src/main/models'
import { inspectModel } from '../../../src/main/models/inspect'
import { compareEmbedders } from '../../../src/main/quantize/compare-embeddings'
import { planOf } from '../../../src/main/quantize/plan'
import { quantizeModel } from '../../../src/main/quantize/quantize-run'
import { type ModelDetail } from '../../../src/shared/contract/models'
import { recipe } from '../../../src/shared/contract/quantize'
import { tinyEncoder, tinyModel } from '../runtime/tiny-models'

it('tells how near vectors are, and which neighbours they share', async () => {
  const at = (...degrees: number[]) =>
    degrees.map((d) => Float32Array.of(3 * Math.cos((d * Math.PI) / 180), 3 * Math.sin((d * Math.PI) / 180)))
  const [a, b] = [at(0, 10, 30, 90, 200), at(60, 10, 30, 19, 200)]
  expect([...cosines(a, b)].map((c) => Math.round(1000 * c))).toEqual([500, 1000, 1000, 326, 1000])
  expect(cosines([Float32Array.of(0, 0)], [Float32Array.of(1, 0)])[0]).toBeNaN()
  expect(await sharedNeighbours(a, a, 10)).toEqual({ k: 2, shared: 1, sameNearest: 1 })
  // Of a: 0 has 10 30, 10 has 0 30, 30 has 10 0, 90 has 30 10, 200 has 90 30; of b: 60 has 30 19, 10 has 19 30, 30 has 19 10, 19 has 10 30, 200 has 60 30.
  const { shared, sameNearest } = await sharedNeighbours(a, b, 2)
  expect(shared).toBeCloseTo((1 + 1 + 1 + 2 + 1) / 10)
  expect(sameNearest).toBe(0)
})

describe('of tiny encoders', () => {
  const line = (n: number) => Array.from({ length: 8 }, (_, i) => `w${1 + ((n * 37 + i * i * 11) % 97)}`).join(' ')
  const library = {
    get: (path: string) =>
      Promise.resolve({ name: path, path, sizeBytes: 1, bitsPerWeight: 32, quantization: '' } as ModelDetail),
  } satisfies Pick<ModelLibrary, 'get'>
  const { signal } = new AbortController()
  let folder: string
  let text: string
  let source: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'moru-embeddings-'))
    text = join(folder, 'text.txt')
    await writeFile(text, Array.from({ length: 600 }, (_, n) => line(n % 40)).join('\n\n'))
    source = await tinyEncoder()
    await mkdir(join(folder, 'set', 'qrels'), { recursive: true })
    const lines = (values: object[]) => values.map((value) => JSON.stringify(value)).join('\n')
    const numbers = [...Array(20).keys()]
    await writeFile(join(folder, 'set', 'corpus.jsonl'), lines(numbers.map((n) => ({ _id: `d${n}`, text: line(n) }))))
    await writeFile(join(folder, 'set', 'queries.jsonl'), lines(numbers.map((n) => ({ _id: `q${n}`, text: line(n) }))))
    await writeFile(join(folder, 'set', 'qrels', 'test.tsv'), numbers.map((n) => `q${n}\td${n}\t1`).join('\n'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const compare = (models: [string, string], input: { path?: string | null; set?: string | null } = {}) =>
    compareEmbedders(library, models, { path: text, set: null, passages: 30, ...input }, () => undefined, signal)

  it('finds a model equal to itself', async () => {
    const found = await compare([source, source], { set: join(folder, 'set') })
    expect(found.passages).toBe(30)
    expect(found.cosine).toBeCloseTo(1, 6)
    expect(found.cosineQuantiles[3]).toBeCloseTo(1, 6)
    expect(found.neighbours).toEqual({ k: 10, shared: 1, sameNearest: 1 })
    // A query is its document's own text.
    expect(found.retrieval).toMatchObject({ documents: 20, queries: 20, ndcgAt10: [1, 1], recallAt10: [1, 1], hitAt1: [1, 1] }) // prettier-ignore
    for (const rate of found.tokensPerSecond) expect(rate).toBeGreaterThan(0)
  })

  it('finds what few bits cost, in a file that embeds', { timeout: 60_000 }, async () => {
    const out = join(folder, 'coarse')
    const calibration = { source: { kind: 'file' as const, path: text }, window: 64, windows: 4 }
    const unheard = { stage: () => undefined, matrix: () => undefined }
    const result = await quantizeModel(
      {
        model: { id: 'tiny', name: 'tiny', path: source },
        recipe: recipe.parse({ method: 'gptq', bits: 3, group: 0, calibration }),
        out,
        sources: { bundledFolder: '', collection: () => '', conversations: () => '' },
      },
      unheard,
      signal,
    )
    expect(result.encoder).toBe(true)
    expect((await inspectModel(out)).facts.quantization).toBe('3-bit')
    // Without a text: the set's own passages.
    const { cosine, neighbours, passages, text: on } = await compare([source, out], { path: null, set: join(folder, 'set') }) // prettier-ignore
    expect(passages).toBe(20)
    expect(on.path).toBeNull()
    expect(cosine).toBeGreaterThan(0.8)
    expect(cosine).toBeLessThan(0.9999)
    expect(neighbours.shared).toBeLessThan(1)
  })

  it('keeps prefixes and length in a GGUF, and when that becomes a folder again', async () => {
    const own = await tinyEncoder()
    const prompts = { query: 'w1 w2: ', passage: 'w3: ' }
    await writeFile(join(own, 'config_sentence_transformers.json'), JSON.stringify({ prompts }))
    await writeFile(join(own, 'sentence_bert_config.json'), JSON.stringify({ max_seq_length: 48 }))
    const settingsAt = async (path: string) => {
      const file = await openModelFile(path)
      try {
        return await readSentenceSettings(file)
      } finally {
        await file.close()
      }
    }
    const convert = async (from: string, out: string) => {
      const file = await openModelFile(from)
      await convertModel(file, out)
      await file.close()
    }
    await convert(own, join(folder, 'own.gguf'))
    await convert(join(folder, 'own.gguf'), join(folder, 'again'))
    const expected = { pooling: 'mean', normalize: true, maxTokens: 48, prefixes: prompts }
    expect(await settingsAt(own)).toEqual(expected)
    expect(await settingsAt(join(folder, 'own.gguf'))).toEqual(expected)
    expect(await settingsAt(join(folder, 'again'))).toEqual(expected)
  })

  it('tells which matrices AWQ leaves unscaled', async () => {
    const asked = recipe.parse({ method: 'awq', group: 0 })
    const { warnings } = await planOf({ id: 'tiny', name: 'tiny', path: source }, asked)
    expect(warnings).toContainEqual({ kind: 'not_scaled', matrices: 15, of: 18 })
  })

  it('says what it lacks', async () => {
    const single = join(folder, 'single.txt')
    await writeFile(single, 'one line\n\none line\n')
    await expect(compare([source, source], { path: single })).rejects.toThrow(/has 1 passages/)
    await expect(compare([source, source], { path: null })).rejects.toThrow(/Give a text or a set/)
    await expect(compare([source, source], { set: folder })).rejects.toThrow(/no BEIR folder/)
    await expect(compare([source, await tinyModel('llama-gqa')])).rejects.toThrow(/does not make embeddings/)
  })
})
