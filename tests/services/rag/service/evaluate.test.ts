import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type EventOf, type InputOf } from '../../../../src/shared/contract'
import { collectionsList, evaluateRetrieval } from '../../../../src/shared/contract/knowledge'
import { figuresOf, type Ranked } from '../../../../src/main/rag/evaluate/metrics'
import { type Client } from '../../../../src/main/host/client'
import { composed } from '../../host/composed'
import { indexedCollection, temporaryFolder, town, writeFiles } from './knowledge-fixture'

type Finished = Extract<EventOf<typeof evaluateRetrieval>, { kind: 'finished' }>

describe('figures of retrieval', () => {
  const query = (ranking: string, grades: Record<string, number>): Ranked => ({
    ranking: [...ranking],
    grades: new Map(Object.entries(grades)),
  })
  it('are those of the definitions', () => {
    const figures = figuresOf([query('xab', { a: 2, b: 1, c: 3, z: 0 }), query('a', { a: 1 })])
    // DCG: 2 / log2(3) + 1 / log2(4); ideal: 3 / log2(2) + 2 / log2(3) + 1 / log2(4).
    const ndcg = (2 / Math.log2(3) + 0.5) / (3 + 2 / Math.log2(3) + 0.5)
    expect(figures).toMatchObject({ hitAt1: 0.5, hitAt5: 1, hitAt10: 1, mrrAt10: 0.75, queries: 2 })
    expect(figures.ndcgAt10).toBeCloseTo((ndcg + 1) / 2, 12)
    expect(figures.recallAt100).toBeCloseTo((2 / 3 + 1) / 2, 12)
  })
  it('stop at their depth', () => {
    const figures = figuresOf([query('bcdefghijka', { a: 1 })])
    expect(figures).toMatchObject({ hitAt10: 0, mrrAt10: 0, ndcgAt10: 0, recallAt100: 1 })
    expect(figuresOf([])).toMatchObject({ hitAt1: 0, queries: 0 })
  })
})

const lines = (values: unknown[]) => values.map((value) => JSON.stringify(value)).join('\n')

function beirFolder(): string {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'qrels'))
  const corpus = Object.entries(town).map(([name, text]) => ({ _id: name, title: name.split('.')[0], text }))
  writeFileSync(join(folder, 'corpus.jsonl'), `${lines(corpus)}\n`)
  const queries = [
    { _id: 1, text: 'Who is the harbour master?' },
    { _id: 'q2', text: '도서관장은 누구인가?' },
    { _id: 'unjudged', text: 'What?' },
  ]
  writeFileSync(join(folder, 'queries.jsonl'), lines(queries))
  writeFileSync(
    join(folder, 'qrels/test.tsv'),
    'query-id\tcorpus-id\tscore\n1\tharbour.txt\t1\nq2\t도서관.txt\t1\nq2\tbridge.md\t0\n',
  )
  return folder
}

async function evaluated(
  client: Client,
  input: InputOf<typeof evaluateRetrieval>,
): Promise<Finished & { indexed: number }> {
  let indexed = 0
  for await (const event of client.stream(evaluateRetrieval, input)) {
    if (event.kind === 'finished') return { ...event, indexed }
    if (event.stage === 'index') indexed = Math.max(indexed, event.done)
  }
  throw new Error('no end')
}

describe('an evaluation', () => {
  it('of a BEIR folder gives each mode its figures, out of sight of the collections', async () => {
    const { client } = await composed(temporaryFolder())
    const source = { kind: 'beir' as const, path: beirFolder() }
    const modes = [{ mode: 'bm25' as const, rerank: false }, { mode: 'hybrid' as const, rerank: false }] // prettier-ignore
    const { results, perQuery } = await evaluated(client, { source, modes })
    expect(results.map(({ mode, queries }) => [mode, queries])).toEqual([['bm25', 2], ['hybrid', 2]]) // prettier-ignore
    expect(results[0]).toMatchObject({ hitAt1: 1, mrrAt10: 1, ndcgAt10: 1, recallAt100: 1 })
    expect(results[1].hitAt1).toBe(1)
    expect(perQuery.map(({ relevant, rank }) => [relevant, rank])).toEqual([
      [['harbour.txt'], [1, 1]],
      [['도서관.txt'], [1, 1]],
    ])
    expect(await client.request(collectionsList, {})).toEqual([])
  })

  it('reads what sets in the wild look like', async () => {
    const { client } = await composed(temporaryFolder())
    const folder = beirFolder()
    const corpus = [
      { _id: 'a 1', title: null, text: 'Herring was salted in barrels.', metadata: { url: 'x' } },
      { _id: 2, title: 'Lanterns of the festival' },
      { _id: 'cafe\u0301', title: '', text: 'Coffee grows on slopes.', score: 3 },
      { _id: 'empty', title: '', text: '' },
    ]
    const queries = [
      { _id: 'first one', text: 'salted herring', metadata: {} },
      { _id: '2', text: 'festival lanterns' },
      { _id: 'q3', text: 'coffee' },
      { _id: 'nothing relevant', text: 'barrels' },
    ]
    writeFileSync(join(folder, 'corpus.jsonl'), `\uFEFF${lines(corpus).replaceAll('\n', '\r\n')}\r\n\r\n`)
    writeFileSync(join(folder, 'queries.jsonl'), lines(queries).replaceAll('\n', '\r\n'))
    const judged = async (qrels: string) => {
      writeFileSync(join(folder, 'qrels/test.tsv'), qrels)
      const modes = [{ mode: 'bm25' as const, rerank: false }]
      const { results } = await evaluated(client, { source: { kind: 'beir', path: folder }, modes })
      return [results[0].queries, results[0].ndcgAt10]
    }
    const rows = ['first one\ta 1\t2', '2\t2\t1', 'q3\tcaf\u00e9\t1.0', 'nothing relevant\ta 1\t0', 'q3\tgone\t0']
    expect(await judged(`\r\nquery-id\tcorpus-id\tscore\r\n${rows.join('\r\n')}\r\n`)).toEqual([3, 1])
    expect(await judged(rows.join('\n'))).toEqual([3, 1])
    expect(await judged(rows.map((row) => row.replace('\t', '\t0\t')).join('\n'))).toEqual([3, 1])
    expect(await judged('2 2 1\nq3 caf\u00e9 1\n')).toEqual([2, 1])
  })

  it('says which line of which file is broken', async () => {
    const { client } = await composed(temporaryFolder())
    const folder = beirFolder()
    writeFileSync(join(folder, 'queries.jsonl'), '{"_id":"1","text":"a"}\n{"_id":"2"}\n')
    const run = (path: string) =>
      evaluated(client, { source: { kind: 'beir', path }, modes: [{ mode: 'bm25', rerank: false }] })
    await expect(run(folder)).rejects.toMatchObject({
      code: 'invalid_file',
      message: expect.stringMatching(/queries\.jsonl, line 2: text/),
    })
    await expect(run(temporaryFolder())).rejects.toMatchObject({ code: 'not_found' })
  })

  it('of a collection takes queries from a file', async () => {
    const folder = temporaryFolder()
    writeFiles(folder, town)
    const { client } = await composed(temporaryFolder())
    const { id } = await indexedCollection(client, folder)
    const path = join(temporaryFolder(), 'queries.jsonl')
    writeFileSync(path, lines([{ query: 'cardamom buns', relevant: ['bakery.txt'] }]))
    const source = { kind: 'queries' as const, collectionId: id, path }
    const { results } = await evaluated(client, { source, modes: [{ mode: 'dense', rerank: false }] })
    expect(results[0]).toMatchObject({ mode: 'dense', hitAt1: 1, queries: 1 })
    writeFileSync(path, lines([{ query: 'cardamom buns', relevant: ['nowhere.txt'] }]))
    await expect(evaluated(client, { source, modes: [{ mode: 'bm25', rerank: false }] })).rejects.toMatchObject({
      code: 'invalid_file',
    })
  })
})
