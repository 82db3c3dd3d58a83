import { describe, expect, it, onTestFinished } from 'vitest'
import { SearchService } from '../../../../src/main/rag/search/search-service'
import { analysers, analyserFor } from '../../../../src/main/rag/search/terms'
import { languageOf } from '../../../../src/main/rag/documents/language'
import { type CollectionSettings, searchInput } from '../../../../src/shared/contract/knowledge'
import { temporaryFolder, temporaryStore } from '../../store/temporary-profile'
import { embedWords, WordEmbeddings } from './word-embedder'

const { signal } = new AbortController()

const english = [
  'Coffee grows best in the shade of taller trees on mountain slopes.',
  'Trees lose their leaves in autumn when days become short.',
  'The harbour master counts ships that arrive before noon.',
  'Ships carry coffee beans across the ocean in large containers.',
  'A violin has four strings that are tuned in fifths.',
]
const korean = [
  '커피는 높은 산비탈의 그늘에서 잘 자란다.',
  '가을이 되면 나무는 잎을 떨어뜨린다.',
  '항구에는 정오 전에 배가 들어온다.',
]

function setUp(settings: Partial<CollectionSettings> = {}) {
  const folder = temporaryFolder()
  const store = temporaryStore(folder)
  const embeddings = new WordEmbeddings()
  const search = new SearchService(store, embeddings, folder)
  onTestFinished(() => search.close())
  const { id } = store.collections.create('문서', settings, analyserFor({ koreanMorphemes: false }))
  const { seq } = store.collections.searchState(id)
  const model = store.vectors.register({ key: 'key of words', type: 'f32', dim: 64 }, 'words')
  store.vectors.prepareModel(seq, model.seq)
  store.vectors.activateModel(seq)

  /** One document of a chunk a line. */
  const add = async (path: string, lines: readonly string[], changedAt = 0) => {
    const terms = await search.termsOf(id, lines, signal)
    const text = lines.join('\n')
    const chunks = lines.map((line, i) => {
      const start = lines.slice(0, i).join('\n').length + (i > 0 ? 1 : 0)
      const vectors = [{ model: model.seq, values: embedWords(line) }]
      const place = { start, end: start + line.length, page: null, headings: [] }
      return { ...place, text: line, tokens: 9, language: languageOf(line), terms: terms[i], vectors }
    })
    const file = { path, title: path.slice(1), type: 'text', sizeBytes: text.length, changedAt, contentHash: null }
    return store.documents.save(id, file, { language: languageOf(text), text, chunks })
  }
  const find = (query: string, options: Partial<Parameters<typeof searchInput.parse>[0] & object> = {}) =>
    search.run(searchInput.parse({ collectionIds: [id], query, ...options }), signal)
  return { store, embeddings, search, id, seq, model, add, find }
}

describe('search', () => {
  it('ranks by words, by vectors and by both, and says how', async () => {
    const { add, find } = setUp()
    await add('/en.txt', english)
    const words = await find('coffee ships', { mode: 'bm25' })
    expect(words.hits.map((hit) => hit.text)).toEqual([english[3], expect.anything(), expect.anything()])
    expect(words.hits[0]).toMatchObject({
      path: '/en.txt',
      ranks: { bm25: 1, dense: null, rerank: null },
      scores: { dense: null, fused: null, bm25: words.hits[0].score },
    })
    const dense = await find('coffee ships', { mode: 'dense', k: 2 })
    expect(dense.hits.map((hit) => hit.ranks)).toEqual([
      { dense: 1, bm25: null, rerank: null },
      { dense: 2, bm25: null, rerank: null },
    ])
    expect(dense.hits[0].score).toBe(dense.hits[0].scores.dense)
    const both = await find('coffee ships')
    expect(both.hits).toHaveLength(5)
    const [best] = both.hits
    expect(best).toMatchObject({ text: english[3], ranks: { dense: 1, bm25: 1 } })
    expect(best.score).toBeCloseTo(2 / 61, 9)
    expect(both.timings.totalMs).toBeGreaterThanOrEqual(both.timings.bm25Ms)
    expect(both.notes).toEqual([])
  })

  it('shows where the words stand, in Korean and English', async () => {
    const { add, find } = setUp()
    await add('/ko.txt', korean)
    await add('/en.txt', english)
    const marked = async (query: string) => {
      const [{ text, highlights }] = (await find(query, { mode: 'bm25' })).hits
      return highlights.map(({ start, end }) => text.slice(start, end))
    }
    expect(await marked('산비탈은')).toEqual(['산비탈'])
    expect(await marked('tuning violins')).toEqual(['violin', 'tuned'])
  })

  it('adds neighbours once, with their place', async () => {
    const { add, find } = setUp()
    await add('/en.txt', english)
    const [hit] = (await find('harbour', { mode: 'bm25', neighbours: 1 })).hits
    expect(hit.text).toBe(english.slice(1, 4).join('\n'))
    const start = english[0].length + 1
    expect(hit.place).toMatchObject({ start, end: start + hit.text.length })
    const [first] = (await find('slopes', { mode: 'bm25', neighbours: 2 })).hits
    expect(first.text).toBe(english.slice(0, 3).join('\n'))
  })

  it('keeps to the filter in every mode', async () => {
    const { add, find } = setUp()
    const a = await add('/a.txt', english, 1000)
    await add('/b.txt', english, 2000)
    for (const mode of ['bm25', 'dense', 'hybrid']) {
      const paths = async (filter: object) =>
        [...new Set((await find('coffee', { mode, filter })).hits.map((hit) => hit.path))].sort()
      expect(await paths({})).toEqual(['/a.txt', '/b.txt'])
      expect(await paths({ documentIds: [a.id] })).toEqual(['/a.txt'])
      expect(await paths({ changedAfter: 1500 })).toEqual(['/b.txt'])
      expect(await paths({ pathContains: 'none' })).toEqual([])
    }
  })

  it('reranks the first hits, and leaves the rest below', async () => {
    const { add, find } = setUp({ rerankModel: 'cross' })
    await add('/en.txt', english)
    const { hits } = await find('arrive coffee', { mode: 'bm25', rerank: 2 })
    expect(hits.map((hit) => hit.ranks.rerank)).toEqual([1, 2, null])
    expect(hits.map((hit) => hit.score)).toEqual([...hits.map((hit) => hit.score)].sort((a, b) => b - a))
    const unset = setUp()
    await unset.add('/en.txt', english)
    expect((await unset.find('coffee', { rerank: 2 })).notes).toEqual([expect.stringMatching(/No cross-encoder/)])
  })

  it('spreads hits out', async () => {
    const { add, find } = setUp()
    await add('/en.txt', ['coffee trees', 'coffee trees', 'coffee ships'])
    const texts = async (mmrLambda: number | null) =>
      (await find('coffee trees', { k: 2, mmrLambda })).hits.map((hit) => hit.text)
    expect(await texts(null)).toEqual(['coffee trees', 'coffee trees'])
    expect(await texts(0.3)).toEqual(['coffee trees', 'coffee ships'])
  })

  it('sees changes at once and nothing that is gone', async () => {
    const { add, find, store } = setUp()
    const { id } = await add('/en.txt', english)
    expect((await find('violin')).hits[0].text).toBe(english[4])
    await add('/new.txt', ['A violin is made of spruce and maple.'])
    expect((await find('violin maple')).hits[0].path).toBe('/new.txt')
    store.documents.remove(id)
    expect((await find('violin', { k: 100 })).hits.map((hit) => hit.path)).toEqual(['/new.txt'])
    await add('/new.txt', ['Nothing of it is left.'])
    expect((await find('violin', { mode: 'bm25' })).hits).toEqual([])
  })

  it('ranks several collections as one', async () => {
    const { add, find, store, search, id } = setUp()
    await add('/en.txt', english)
    const other = store.collections.create('b', {}, analysers.words)
    const [terms] = await search.termsOf(other.id, ['Coffee houses of Vienna.'], signal)
    const place = { start: 0, end: 24, page: null, headings: [] }
    const chunk = { ...place, text: 'Coffee houses of Vienna.', tokens: 4, language: 'en' as const, terms }
    const file = { path: '/v.txt', title: 'v', type: 'text', sizeBytes: 24, changedAt: 0, contentHash: null }
    store.documents.save(other.id, file, { language: 'en', text: chunk.text, chunks: [chunk] })
    const { hits } = await find('coffee vienna', { collectionIds: [id, other.id, id], mode: 'bm25' })
    expect(hits.map((hit) => hit.path)).toEqual(['/v.txt', '/en.txt', '/en.txt'])
    const { notes } = await find('coffee vienna', { collectionIds: [id, other.id] })
    expect(notes).toEqual([expect.stringMatching(/no vectors yet/)])
    await expect(find('coffee', { collectionIds: ['none'] })).rejects.toMatchObject({ code: 'not_found' })
  })

  it('goes on by words where there is no embedding model, and only then', async () => {
    const { add, find, embeddings } = setUp()
    await add('/en.txt', english)
    embeddings.fails = true
    const { hits, notes } = await find('coffee')
    expect(hits).toHaveLength(2)
    expect(notes).toEqual([expect.stringMatching(/words alone: There is no GPU/)])
    await expect(find('coffee', { mode: 'dense' })).rejects.toMatchObject({ code: 'no_adapter' })
  })
})

describe('maintenance', () => {
  it('measures what the model knows, warns, and gives a ranking without knowledge no say', async () => {
    const { add, find, search, store, id, embeddings } = setUp()
    const filler = Array.from(
      { length: 20 },
      (_, i) => `${english[i % 5]} Page ${'abcdefghijklmnopqrst'[i]}zq ends here.`,
    )
    await add('/en.txt', filler)
    await add('/ko.txt', korean)
    await search.maintain(id, signal)
    const rows = Object.fromEntries(store.collections.get(id).separation.map((row) => [row.language, row]))
    expect(rows.en).toMatchObject({ passages: 20, denseWeight: 1, warning: null })
    expect(rows.ko).toMatchObject({
      passages: 3,
      denseWeight: 0,
      warning: expect.stringMatching(/Korean.*words alone/),
    })
    const known = embeddings.asked.length
    const { hits, notes } = await find('커피 산비탈', { k: 1 })
    expect(hits[0].text).toBe(korean[0])
    expect(notes).toEqual([rows.ko.warning])
    expect(embeddings.asked).toHaveLength(known)
    const all = await find('커피 산비탈', { k: 5 })
    expect(all.hits[0].text).toBe(korean[0])
    expect(all.hits).toHaveLength(5)
    expect((await find('coffee mountain')).notes).toEqual([])
    store.collections.update(id, { settings: { denseWeight: 1 } })
    expect((await find('커피 산비탈', { k: 1 })).hits[0].scores.fused).toBeGreaterThan(1 / 61)
  })

  it('does not trust a vocabulary that spells a language, however well short passages are found', async () => {
    const { add, search, store, id } = setUp()
    // Other numbers of words give vectors of their own, so that each passage finds itself.
    await add('/ko.txt', [
      '하나는 alpha 둘은 beta 셋은 여기에 있고 넷은 멀리 저기에 있으며 다섯은 없다',
      '하나는 gamma 둘은 delta 셋은 저기에 있고 넷은 가까이 여기에 있으며 여섯은 없다',
    ])
    await search.maintain(id, signal)
    expect(store.collections.get(id).separation).toMatchObject([
      { language: 'ko', hitAt1: 1, denseWeight: 0, warning: expect.stringMatching(/letter by letter/) },
    ])
  })

  it('brings another analyser beside the present one', async () => {
    const { add, find, search, store, id } = setUp()
    await add('/ko.txt', korean)
    store.collections.update(id, { settings: { koreanMorphemes: true } })
    expect(store.collections.searchState(id).analyser).toBe(analysers.words)
    await search.maintain(id, signal)
    expect(store.collections.searchState(id)).toMatchObject({ analyser: analysers.morphemes, nextAnalyser: null })
    expect((await find('떨어뜨렸다', { mode: 'bm25' })).hits[0].text).toBe(korean[1])
  })

  it('asks the old model while another is prepared', async () => {
    const { add, find, store, id, seq } = setUp()
    await add('/en.txt', english)
    store.collections.update(id, { settings: { embeddingModel: 'other' } })
    const next = store.vectors.register({ key: 'key of other', type: 'f32', dim: 64 }, 'other')
    store.vectors.prepareModel(seq, next.seq)
    const { hits, notes } = await find('coffee ships', { mode: 'dense', k: 1 })
    expect(hits[0].text).toBe(english[3])
    expect(notes).toEqual([])
  })

  it('draws the same map every time', async () => {
    const { add, search, id } = setUp()
    await add('/en.txt', english)
    const first = await search.map(id, 100, signal)
    expect(first.points).toHaveLength(5)
    expect(await search.map(id, 100, signal)).toEqual(first)
    expect((await search.map(id, 3, signal)).points).toHaveLength(3)
  })
})
