import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { ScanThread } from '../../../../src/main/rag/search/scan-thread'
import { VectorGraphs } from '../../../../src/main/rag/search/vector-graphs'
import { VectorIndex } from '../../../../src/main/rag/search/vector-index'
import { type Store, type StoredVectorModel } from '../../../../src/main/store'
import { clusteredVectors } from '../../../../src/main/bench/clustered-vectors'
import { temporaryFolder, temporaryStore } from '../../store/temporary-profile'

const dim = 32
const count = 1500
const { rows, queries } = clusteredVectors({ count: 2 * count, dim, centres: 30, noise: 0.3, seed: 7 }, 20)
const signal = new AbortController().signal

/** A collection whose documents have one chunk and vector each: numbers `from` to `to`. */
function addDocuments(store: Store, id: string, model: StoredVectorModel, from: number, to: number): void {
  store.transaction(() => {
    for (let i = from; i < to; i++) {
      const file = { path: `/${i}`, title: '', type: 'text', sizeBytes: 1, changedAt: 0, contentHash: null }
      const vectors = [{ model: model.seq, values: rows.slice(i * dim, (i + 1) * dim) }]
      const place = { start: 0, end: 1, page: null, headings: [] }
      const chunk = { ...place, text: 'x', tokens: 1, language: 'en' as const, terms: {}, vectors }
      store.documents.save(id, file, { language: 'en', text: 'x', chunks: [chunk] })
    }
  })
}

function setUp() {
  const profile = temporaryFolder()
  const store = temporaryStore(profile)
  const { id } = store.collections.create('c', {}, 'words')
  const model = store.vectors.register({ key: 'm', type: 'f32', dim })
  const { seq } = store.collections.searchState(id)
  store.vectors.prepareModel(seq, model.seq)
  store.vectors.activateModel(seq)
  addDocuments(store, id, model, 0, count)
  const thread = new ScanThread()
  onTestFinished(() => thread.close())
  const exact = async () => {
    const index = new VectorIndex(model, thread)
    index.add(store.vectors.page(seq, model.seq, 0, 1e6))
    return index
  }
  const folder = join(profile, 'graphs')
  const openGraphs = () => {
    const graphs = new VectorGraphs(store, folder, count)
    onTestFinished(() => graphs.close())
    return graphs
  }
  return { store, id, seq, model, exact, folder, openGraphs, state: () => store.collections.searchState(id) }
}
type SetUp = ReturnType<typeof setUp>

async function recall({ state, model, exact }: SetUp, graphs: VectorGraphs): Promise<number> {
  const index = await exact()
  let same = 0
  for (const query of queries) {
    const found = await graphs.search(state(), model, query, 10)
    const keys = new Set(found?.map((match) => match.chunkSeq))
    same += (await index.search(query, 10, null)).filter((match) => keys.has(match.chunkSeq)).length
  }
  return same / (10 * queries.length)
}

it('builds a graph, measures it, uses it, and finds it again', async () => {
  const set = setUp()
  const graphs = set.openGraphs()
  expect(await graphs.search(set.state(), set.model, queries[0], 10)).toBeNull()
  expect(await graphs.maintain(set.state(), set.model, set.exact, signal)).toBe(true)
  expect(await recall(set, graphs)).toBeGreaterThan(0.97)
  const [nearest] = (await graphs.search(set.state(), set.model, queries[0], 10)) ?? []
  const [expected] = await (await set.exact()).search(queries[0], 1, null)
  expect(nearest).toEqual({ ...expected, score: expect.closeTo(expected.score, 2) })
  const { vectorIndex } = set.store.collections.get(set.id)
  expect(vectorIndex.kind).toBe('hnsw')
  expect(vectorIndex.recallAt10).toBeGreaterThan(0.97)
  const files = readdirSync(set.folder)
  expect(await set.openGraphs().maintain(set.state(), set.model, set.exact, signal)).toBe(true)
  expect(readdirSync(set.folder)).toEqual(files)
  expect(await recall(set, set.openGraphs())).toBeGreaterThan(0.97)
})

it('does not answer while the collection has changed, and is extended', async () => {
  const set = setUp()
  const graphs = set.openGraphs()
  await graphs.maintain(set.state(), set.model, set.exact, signal)
  const before = readdirSync(set.folder)
  addDocuments(set.store, set.id, set.model, count, count + 300)
  for (const { id } of set.store.documents.list(set.id, '/1', 0, 50).documents) set.store.documents.remove(id)
  expect(await graphs.search(set.state(), set.model, queries[0], 10)).toBeNull()
  expect(await graphs.maintain(set.state(), set.model, set.exact, signal)).toBe(true)
  expect(await recall(set, graphs)).toBeGreaterThan(0.97)
  expect(set.store.vectors.graph(set.seq, set.model.seq)?.vectors).toBe(count + 250)
  const after = readdirSync(set.folder)
  expect(after).toHaveLength(1)
  expect(after).not.toEqual(before)
})

it('goes when the collection has become small', async () => {
  const set = setUp()
  const graphs = set.openGraphs()
  await graphs.maintain(set.state(), set.model, set.exact, signal)
  set.store.documents.remove(set.store.documents.list(set.id, '', 0, 1).documents[0].id)
  expect(await graphs.maintain(set.state(), set.model, set.exact, signal)).toBe(false)
  expect(set.store.collections.get(set.id).vectorIndex).toEqual({ kind: 'exact', recallAt10: null })
  await graphs.maintain(set.state(), set.model, set.exact, signal)
  expect(readdirSync(set.folder)).toEqual([])
})

it.each([
  ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
  ['overwritten', (bytes: Buffer) => bytes.map((b, i) => (i > 64 && i % 3 === 0 ? 255 : b))],
  ['empty', () => Buffer.alloc(0)],
])('falls back to exact search where its file is %s, and is made again', async (_, damage) => {
  const set = setUp()
  await set.openGraphs().maintain(set.state(), set.model, set.exact, signal)
  const file = join(set.folder, readdirSync(set.folder)[0], 'graph.usearch')
  const whole = readFileSync(file)
  writeFileSync(file, damage(whole))
  const graphs = set.openGraphs()
  expect(await graphs.search(set.state(), set.model, queries[0], 10)).toBeNull()
  expect(set.store.collections.get(set.id).vectorIndex.kind).toBe('exact')
  expect(await graphs.maintain(set.state(), set.model, set.exact, signal)).toBe(true)
  expect(await recall(set, graphs)).toBeGreaterThan(0.97)
})

it('is cancelled while it builds, and leaves nothing', async () => {
  const set = setUp()
  const graphs = set.openGraphs()
  const stop = new AbortController()
  const building = graphs.maintain(set.state(), set.model, set.exact, stop.signal)
  setTimeout(() => stop.abort(), 50)
  await expect(building).rejects.toMatchObject({ code: 'cancelled' })
  expect(set.store.vectors.graph(set.seq, set.model.seq)).toBeNull()
  expect(await graphs.maintain(set.state(), set.model, set.exact, signal)).toBe(true)
})
