import { flushPromises } from '@vue/test-utils'
import { expect, test } from 'vitest'
import { groupedPoints, meansOf } from '../../src/renderer/views/knowledge/map-groups'
import { plainOptions, searchInput, snippetOf } from '../../src/renderer/views/knowledge/search-options'
import { aCollection, aDocument } from './host/knowledge-samples'
import { open as openPage, press, text } from './page'

const reranking = () => aCollection({ settings: { ...aCollection().settings, rerankModel: 'ms-marco' } })
const open = (path: string, collection = aCollection()) =>
  openPage(path, { collections: new Map([['k1', collection]]), documents: [aDocument()] })
const column = (name: string) => document.querySelector<HTMLElement>(`section[aria-label="${name}"]`)
const hits = (name: string) => [...(column(name)?.querySelectorAll('li') ?? [])].map((li) => li.textContent ?? '')

test('the rankings stand side by side with scores, places, highlights and where the others have a hit', async () => {
  const window = await open('/knowledge/k1/search?q=anvil', reranking())
  await expect.poll(() => hits('Reranked').length).toBe(2)
  expect(hits('By words (BM25)')[0]).toMatch(/^1Anvils4.2Sizes › page 3The anvil of Kyoto/)
  expect(hits('By meaning')[0]).toMatch(/^1Anvils0.8/)
  expect(hits('Both, fused')[0]).toContain('By words (BM25) 1. (4.2) · By meaning 2. (0.71)')
  expect(hits('Both, fused')[1]).toContain('By words (BM25) – · By meaning 1. (0.8)')
  expect(hits('Reranked')[0]).toContain('3.5')
  expect(column('By words (BM25)')?.querySelector('mark')?.textContent).toBe('anvil')
  expect(column('By meaning')?.textContent).toContain(
    '15.3 ms (embedding 12, words 0.7, meaning 1.5, fusion 0.1) · exact vector search',
  )
  const asked = window.host.asked
    .filter(({ route }) => route === 'search.run')
    .map(({ input }) => input as { mode: string; rerank: number })
  expect(asked.map(({ mode, rerank }) => [mode, rerank])).toEqual([['bm25', 0], ['dense', 0], ['hybrid', 0], ['hybrid', 50]]) // prettier-ignore
  // Said once, with its figures; other notes as they come.
  expect(text()).toContain('Korean: the embedding model finds a passage')
  expect(text()).not.toContain('The model does not know Korean.')
  expect(text().split('Something else to know.').length).toBe(2)
})

test('pointing at a hit shows it in every ranking, and pressing it opens its place', async () => {
  await open('/knowledge/k1/search?q=anvil')
  await expect.poll(() => hits('Both, fused').length).toBe(2)
  expect(column('Reranked')).toBeNull()
  const button = column('By words (BM25)')?.querySelector('button')
  button?.dispatchEvent(new Event('mouseenter'))
  await flushPromises()
  const marked = [...document.querySelectorAll('li .outline-2')].map((e) =>
    e.closest('section')?.getAttribute('aria-label'),
  )
  expect(marked).toEqual(['By words (BM25)', 'By meaning', 'Both, fused'])
  button?.click()
  await expect.poll(() => document.querySelector('[role="dialog"] mark')?.textContent).toContain('The anvil of Kyoto')
})

test('one ranking that fails leaves the others', async () => {
  await open('/knowledge/k1/search?q=fail')
  await expect.poll(() => hits('Both, fused').length).toBe(2)
  expect(text()).toContain('The model does not fit.')
})

test('another weight is tried, and kept only when asked', async () => {
  const window = await open('/knowledge/k1/search')
  await expect.poll(() => window.wrapper.find('summary').exists()).toBe(true)
  const box = [...document.querySelectorAll('label')].find((l) => l.textContent?.includes('Try another weight'))
  box?.querySelector('input')?.click()
  await flushPromises()
  expect(window.world.collections.get('k1')?.settings.denseWeight).toBeNull()
  await press('Keep this weight')
  await expect.poll(() => window.world.collections.get('k1')?.settings.denseWeight).toBe(0.5)
  // One setting: the others are as they were.
  expect(window.world.collections.get('k1')?.settings.watch).toBe(true)
})

test('an evaluation shows its progress, then modes side by side and each query', async () => {
  const window = await open('/knowledge/k1/evaluation')
  await expect.poll(text).toContain('How well search finds')
  await press('Evaluate')
  await expect.poll(text).toContain('Searching: 1 / 2 · 4/s')
  await expect.poll(text).toContain('Over 2 queries')
  expect(text()).toContain('written by the chat model from passages')
  const rows = window.wrapper.findAll('tbody tr').map((row) => row.text())
  expect(rows[0]).toBe('By words (BM25)0.5110.750.81513.2')
  expect(rows[1]).toContain('Both, fused1')
  expect(rows[2]).toContain('How heavy is the anvil? written by the modelAnvils21')
  expect(text()).toContain('Both, fused has the best nDCG@10: 1.')
  await window.wrapper.get('select').setValue('queries')
  await window.wrapper.get('input[maxlength="4096"]').setValue('/none.jsonl')
  await press('Evaluate')
  await expect.poll(text).toContain('There is no file /none.jsonl.')
})

test('the map draws its passages, and tells them in words and as a table', async () => {
  const window = await open('/knowledge/k1/map')
  await expect.poll(() => window.wrapper.find('figure canvas').exists()).toBe(true)
  expect(text()).toContain('2 passages of 1 documents')
  await window.wrapper.get('figure button[aria-pressed]').trigger('click')
  expect(window.wrapper.get('figure tbody').text()).toBe('Anvils200.2')
  await window.wrapper.get('input[type="search"]').setValue('anvil')
  await window.wrapper.get('form').trigger('submit')
  await expect.poll(text).toContain('2 hits are marked.')
})

test('requests hold what was set and nothing else', () => {
  const plain = searchInput('k1', 'q', 'dense', plainOptions())
  expect(plain).toMatchObject({ mode: 'dense', rerank: 0, mmrLambda: null, filter: {} })
  const filter = searchInput('k1', 'q', 'rerank', {
    ...plainOptions(),
    documentId: 'd1',
    pathContains: ' docs ',
    types: ['pdf'],
    changedAfter: '2026-01-02',
    changedBefore: '2026-01-02',
  }).filter
  expect(filter).toMatchObject({ documentIds: ['d1'], pathContains: 'docs', types: ['pdf'] })
  expect((filter?.changedBefore ?? 0) - (filter?.changedAfter ?? 0)).toBe(86_399_999)
})

test('a snippet begins near the first highlight and keeps the text in order', () => {
  const long = `${'word '.repeat(200)}needle and more`
  const at = long.indexOf('needle')
  const pieces = snippetOf(long, [{ start: at, end: at + 6 }])
  expect(pieces[0].text).toBe('…')
  expect(pieces.find(({ marked }) => marked)?.text).toBe('needle')
  expect(pieces.map((p) => p.text).join('').length).toBeLessThan(120)
  expect(snippetOf('short', [])).toEqual([{ text: 'short', marked: false }])
})

test('small groups of the map go together, and means are those of each document', () => {
  const points = Array.from({ length: 9 }, (_, i) => ({ chunkId: `${i}`, documentId: `d${i % 8}`, x: i, y: -i }))
  const groups = groupedPoints(points, (id) => id, 'Others')
  expect(groups.map(({ label, members }) => [label, members.length])).toEqual([
    ['d0', 2], ['d1', 1], ['d2', 1], ['d3', 1], ['d4', 1], ['d5', 1], ['Others', 2],
  ]) // prettier-ignore
  expect(meansOf(points)[0]).toEqual({ documentId: 'd0', count: 2, x: 4, y: -4 })
})
