import { expect, test } from 'vitest'
import { userEvent } from 'vitest/browser'
import { isReplayable } from '../../src/renderer/views/logs/replay'
import { spanRows } from '../../src/renderer/views/logs/span-tree'
import { aRun, aTrace } from './host/trace-handlers'
import { choose, labelled, open as openPage, press, text, type } from './page'

const many = () =>
  new Map(
    Array.from({ length: 450 }, (_, i) => {
      const failed = i % 100 === 7
      const text = i === 3 ? '모루는 무엇인가?' : `Question ${i}`
      const change = failed ? { state: 'error' as const, error: 'Out of memory.' } : {}
      const trace = aTrace({
        id: String(i).padStart(32, '0'),
        seq: i + 1,
        preview: text,
        input: [{ role: 'user', content: text }],
        ...change,
      })
      return [trace.id, trace]
    }),
  )
const open = (path = '/logs', traces = many()) =>
  openPage(path, {
    traces,
    runs: [
      aRun(),
      aRun({ id: 'r2', title: 'decode f32', parameters: { load: { kvType: 'f32' } }, metrics: { decode: 18 } }),
    ],
  })
const rows = () => [...document.querySelectorAll<HTMLButtonElement>('[data-index]')]

test('calls are listed, drawn only where they are seen, and more come while scrolling', async () => {
  const window = await open()
  await expect.poll(() => text()).toContain('450 calls')
  expect(rows()[0].textContent).toContain('Question 449')
  expect(rows().length).toBeLessThan(60)
  const frame = rows()[0].closest('ul')!.parentElement!
  frame.scrollTop = frame.scrollHeight
  await expect
    .poll(() =>
      window.host.asked.some(
        ({ route, input }) => route === 'traces.list' && (input as { before?: number }).before === 251,
      ),
    )
    .toBe(true)
  rows()[0].focus()
  await userEvent.keyboard('{End}')
  await expect.poll(() => Number((document.activeElement as HTMLElement).dataset.index)).toBeGreaterThan(390)
})

test('filters and searches, and a filter that passes nothing can be cleared', async () => {
  await open()
  await expect.poll(() => text()).toContain('450 calls')
  const outcome = labelled<HTMLSelectElement>('Outcome')!
  await choose(outcome, 'error')
  await expect.poll(() => text()).toContain('5 calls')
  expect(rows()[0].textContent).toContain('Out of memory.')
  await choose(outcome, '')
  const search = document.querySelector<HTMLInputElement>('input[type="search"]')
  await type(search, '모루')
  await expect.poll(() => text()).toContain('1 call')
  await type(search, 'nothing of the kind')
  await press('Clear the filters')
  await expect.poll(() => text()).toContain('450 calls')
})

test('new calls appear by themselves, until paused', async () => {
  const window = await open()
  await expect.poll(() => text()).toContain('450 calls')
  window.world.traces.set('new', aTrace({ id: 'new', seq: 1000, preview: 'Just now' }))
  await expect.poll(() => rows()[0].textContent).toContain('Just now')
  await press('Pause')
  window.world.traces.set('later', aTrace({ id: 'later', seq: 1001, preview: 'Later' }))
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(rows()[0].textContent).toContain('Just now')
  await press('Follow live')
  await expect.poll(() => rows()[0].textContent).toContain('Later')
})

test('a call shows its steps, texts and figures, is judged and deleted', async () => {
  const trace = aTrace({ conversationId: 'c9' })
  const window = await open(`/logs/${trace.id}`, new Map([[trace.id, trace]]))
  await expect.poll(() => text()).toContain('4 steps in 1 s')
  for (const part of ['Prefill', 'Decode', 'Because of carbon.', '41 in, 12 out', '320 ms'])
    expect(text()).toContain(part)
  const bars = [...document.querySelectorAll('main svg rect[y="2"]')].map((bar) => [
    bar.getAttribute('x'),
    bar.getAttribute('width'),
  ])
  expect(bars).toContainEqual(['32%', '68%'])
  await press('Good')
  await expect.poll(() => window.world.traces.get(trace.id)?.rating).toBe(1)
  await press('Delete')
  await expect.poll(() => text()).toContain('Delete this call for good?')
  await press('Delete')
  await expect.poll(() => window.world.traces.size).toBe(0)
  await expect.poll(() => text()).toContain('Nothing was called yet')
})

test('a call is asked again with other parameters and compared with the first', async () => {
  const trace = aTrace()
  await open(`/logs/${trace.id}`, new Map([[trace.id, trace]]))
  await press('Ask again')
  const field = document.querySelector<HTMLInputElement>('[role="dialog"] input[type="number"]')!
  expect(field.value).toBe('0.7')
  await type(field, '0')
  await press('Ask again')
  await expect.poll(() => text()).toContain('Comparison')
  await expect.poll(() => text()).toContain('At 0: alloys.')
  expect(text()).toContain('Because of carbon.')
})

test('a search is done again as it was, but for what is changed; an embedding of more texts than are kept is not', async () => {
  const root = {
    'gen_ai.data_source.id': 'k1,k2',
    'gen_ai.request.top_k': 5,
    'moru.search.mode': 'dense',
    'moru.search.neighbours': 1,
  }
  const { spans } = aTrace()
  const search = aTrace({ kind: 'search', model: null, spans: [{ ...spans[0], name: 'search', attributes: root }] })
  const window = await open(`/logs/${search.id}`, new Map([[search.id, search]]))
  await press('Ask again')
  await choose(document.querySelector<HTMLSelectElement>('[role="dialog"] select')!, 'bm25')
  await press('Ask again')
  await expect.poll(() => text()).toContain('Comparison')
  expect(window.host.asked.find(({ route }) => route === 'search.run')?.input).toMatchObject({
    query: 'Why is iron hard?',
    collectionIds: ['k1', 'k2'],
    mode: 'bm25',
    k: 5,
    neighbours: 1,
    replayOf: search.id,
  })
  const embed = (texts: number) =>
    aTrace({ kind: 'embed', spans: [{ ...spans[0], attributes: { 'moru.embed.texts': texts } }] })
  expect([isReplayable(embed(1)), isReplayable(embed(2))]).toEqual([true, false])
})

test('runs are compared by parameters and results, exported and deleted', async () => {
  const window = await open('/logs/runs')
  await expect.poll(() => document.querySelectorAll('tbody tr').length).toBe(2)
  for (const box of document.querySelectorAll<HTMLInputElement>('tbody input[type="checkbox"]')) box.click()
  await expect.poll(() => text()).toContain('2 chosen')
  await expect.poll(() => text()).toContain('decode from 18 to 21.5.')
  expect(text()).toContain('18 (0.837×)')
  expect(text()).toContain('load.kvType')
  await press('Export for MLflow')
  const folder = [...document.querySelectorAll<HTMLInputElement>('[role="dialog"] input')].at(-1)!
  await type(folder, '/tmp/mlruns')
  await press('Export for MLflow')
  await expect
    .poll(() => window.host.asked.find(({ route }) => route === 'runs.export')?.input)
    .toEqual({ ids: ['r1', 'r2'], folder: '/tmp/mlruns' })
  await press('Delete')
  await expect.poll(() => window.world.runs.length).toBe(0)
  await expect.poll(() => text()).toContain('No run yet')
})

test('settings of the log are saved, and a broken pattern is said to be one', async () => {
  const window = await open('/settings')
  await press('Keep texts')
  await expect.poll(() => window.world.settings.tracing.contents).toBe(false)
  const patterns = document.querySelector<HTMLTextAreaElement>('textarea[wrap="off"]')!
  await type(patterns, '(unclosed')
  patterns.dispatchEvent(new Event('change', { bubbles: true }))
  await expect.poll(() => text()).toContain('not a regular expression')
  expect(patterns.value).toBe('(unclosed')
})

test('a collector shows whether it is there, and what waits for it', async () => {
  const window = await open('/settings')
  const field = labelled<HTMLInputElement>('http://127.0.0.1:4318/v1/traces')!
  await type(field, 'http://127.0.0.1:4318/v1/traces')
  field.dispatchEvent(new Event('change', { bubbles: true }))
  await expect.poll(() => text()).toContain('Not reached at the last try')
  expect(text()).toContain('Steps waiting12')
  expect(text()).toContain('ECONNREFUSED')
  await press('Try now')
  await expect.poll(() => text()).toContain('Reached at the last try')
  expect(window.host.asked.some(({ route }) => route === 'traces.tryCollector')).toBe(true)
})

test('steps stand below their parents, and one without its parent on top', () => {
  const span = (id: string, parentId: string | null, startedAt: number) => ({
    ...aTrace().spans[0],
    id,
    parentId,
    startedAt,
  })
  const spans = [span('c', 'b', 3), span('b', 'a', 2), span('a', null, 1), span('d', 'a', 1.5), span('x', 'gone', 4)]
  expect(spanRows(spans).map((row) => [row.span.id, row.depth])).toEqual([
    ['a', 0],
    ['d', 1],
    ['b', 1],
    ['c', 2],
    ['x', 0],
  ])
})
