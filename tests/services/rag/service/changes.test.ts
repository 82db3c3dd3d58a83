import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { jobsCancel, jobsList } from '../../../../src/shared/contract/jobs'
import {
  collectionsAddPage,
  collectionsCreate,
  collectionsIndex,
  collectionsList,
  collectionsRemove,
  collectionsUpdate,
  collectionsUpload,
  documentsGet,
  documentsList,
  documentsRemove,
  searchRun,
} from '../../../../src/shared/contract/knowledge'
import { type Client } from '../../../../src/main/host/client'
import { composed } from '../../host/composed'
import { indexedCollection, jobResult, temporaryFolder, town, writeFiles } from './knowledge-fixture'

interface Report {
  documents: number
  chunks: number
  indexed: number
  removed: number
  skipped: { path: string; reason: string }[]
}

const again = async (client: Client, id: string) =>
  jobResult<Report>(client, (await client.request(collectionsIndex, { id })).jobId)
const paths = async (client: Client, collectionId: string) =>
  (await client.request(documentsList, { collectionId })).documents.map((document) => document.path)
const one = async (client: Client, id: string) =>
  (await client.request(collectionsList, {})).find((collection) => collection.id === id)!

async function townCollection() {
  const folder = temporaryFolder()
  writeFiles(folder, town)
  const { client } = await composed(temporaryFolder())
  return { folder, client, ...(await indexedCollection(client, folder)) }
}

describe('a folder that changes', () => {
  it('is read again only where it changed', async () => {
    const { folder, client, id, report } = await townCollection()
    const { version } = await one(client, id)
    expect(await again(client, id)).toMatchObject({ documents: 6, chunks: report.chunks, indexed: 0, removed: 0 })
    expect((await one(client, id)).version).toBe(version)

    // Another time alone is no change.
    utimesSync(join(folder, 'harbour.txt'), 1_700_000_000, 1_700_000_000)
    writeFileSync(join(folder, 'bakery.txt'), 'The bakery on Mill Street has become a bookshop that sells atlases.\n')
    rmSync(join(folder, '도서관.txt'))
    renameSync(join(folder, 'bridge.md'), join(folder, 'school', 'bridge.md'))
    expect(await again(client, id)).toMatchObject({ documents: 5, indexed: 2, removed: 2 })
    expect(await paths(client, id)).toEqual(
      ['bakery.txt', 'harbour.txt', 'school/bridge.md', 'school/rules.md', '축제.md'].map(
        (name) => `${folder}/${name}`,
      ),
    )
    const { hits } = await client.request(searchRun, { collectionIds: [id], query: 'who sells atlases' })
    expect(hits[0].text).toContain('bookshop')
    const gone = await client.request(searchRun, { collectionIds: [id], query: '한지우', mode: 'bm25' })
    expect(gone.hits).toEqual([])
  })

  it('has what cannot be read in the report, each time, and follows no links', async () => {
    const { folder, client, id } = await townCollection()
    const outside = temporaryFolder()
    writeFiles(outside, { 'secret.txt': 'a secret' })
    symlinkSync(outside, join(folder, 'link'))
    writeFiles(folder, {
      '.git/config': 'x',
      'node_modules/a/readme.md': 'x',
      'broken.docx': 'PK\u0003\u0004 and nothing else',
      'cut.json': '{"keeper": "Ines Falk", "lamps": [1, 2',
    })
    for (let i = 0; i < 2; i++) {
      const { documents, skipped } = await again(client, id)
      expect(documents).toBe(7)
      const named = ['broken.docx', 'cut.json', 'link'].map((name) => join(folder, name))
      expect(skipped.map(({ path }) => path).sort()).toEqual(named)
      expect(skipped.find(({ path }) => path === named[1])?.reason).toMatch(
        /^Indexed, but not in full\. .*not valid JSON/,
      )
    }
    const { documents } = await client.request(documentsList, { collectionId: id, search: 'cut.json' })
    expect(documents).toMatchObject([{ state: 'indexed', reason: null, warning: expect.stringMatching(/JSON/) }])
    writeFiles(folder, { 'cut.json': '{"keeper": "Ines Falk"}' })
    expect((await again(client, id)).skipped).toHaveLength(2)
  })

  it('is cut anew when its chunks shall be smaller', async () => {
    const { client, id, report } = await townCollection()
    await client.request(collectionsUpdate, { id, settings: { chunkTokens: 16, chunkOverlap: 0 } })
    const [job] = await client.request(jobsList, { limit: 1 })
    const after = await jobResult<Report>(client, job.id)
    expect(after).toMatchObject({ documents: 6, indexed: 6 })
    expect(after.chunks).toBeGreaterThan(report.chunks)
  })

  it('stays indexed when it is out of reach, and goes with the collection', async () => {
    const { folder, client, id } = await townCollection()
    renameSync(folder, `${folder}-away`)
    expect(await again(client, id)).toMatchObject({ documents: 6, removed: 0, skipped: [{ path: folder }] })
    renameSync(`${folder}-away`, folder)
    await client.request(collectionsRemove, { id })
    expect(await client.request(collectionsList, {})).toEqual([])
    await expect(client.request(searchRun, { collectionIds: [id], query: 'bridge' })).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})

describe('work that is cut off', () => {
  it('ends within a second when cancelled, and goes on where it stopped', async () => {
    const folder = temporaryFolder()
    const sentence = (i: number, j: number) =>
      `Paragraph ${j} of report ${i} tells of ${i * 7 + j} barrels of herring and tar. `
    for (let i = 0; i < 40; i++)
      writeFiles(folder, { [`report-${i}.txt`]: Array.from({ length: 8 }, (_, j) => sentence(i, j)).join('') })
    const { client } = await composed(temporaryFolder())
    const { id } = await client.request(collectionsCreate, { name: 'reports' })
    const { jobId } = await client.request(collectionsIndex, { id, paths: [folder], watch: false })
    const state = async () => (await client.request(jobsList, {})).find((job) => job.id === jobId)!
    while ((await state()).done < 10) await new Promise((resolve) => setTimeout(resolve, 10))
    const start = performance.now()
    await client.request(jobsCancel, { id: jobId })
    while ((await state()).state === 'running') await new Promise((resolve) => setTimeout(resolve, 5))
    expect(performance.now() - start).toBeLessThan(1000)
    const before = (await client.request(documentsList, { collectionId: id })).total
    expect(before).toBeGreaterThanOrEqual(10)
    expect(before).toBeLessThan(40)
    expect(await again(client, id)).toMatchObject({ documents: 40, indexed: 40 - before })
    expect((await one(client, id)).pendingChunks).toBe(0)
  })
})

describe('documents that are no files of a folder', () => {
  it('are uploaded, shown with the places of their chunks, and removed', async () => {
    const { client } = await composed(temporaryFolder())
    const { id } = await client.request(collectionsCreate, { name: 'uploads' })
    const base64 = Buffer.from('The lighthouse keeper feeds nineteen cats.').toString('base64')
    const upload = (name: string) => client.request(collectionsUpload, { id, files: [{ name, base64 }] })
    expect(await jobResult<Report>(client, (await upload('../../고양이.txt')).jobId)).toMatchObject({ documents: 1 })
    const [document] = (await client.request(documentsList, { collectionId: id })).documents
    expect(document.path).toContain('/uploads/')
    expect(document.path).toMatch(/고양이\.txt$/)
    const { text, chunks } = await client.request(documentsGet, { id: document.id })
    expect(chunks.map(({ place }) => text.slice(place.start, place.end))).toEqual([text.trim()])
    await client.request(documentsRemove, { id: document.id })
    expect(await again(client, id)).toMatchObject({ documents: 0 })
    await expect(
      client.request(collectionsUpload, { id, files: [{ name: 'a.txt', base64: 'no base64 !!' }] }),
    ).rejects.toMatchObject({ code: 'invalid_input' })
  })

  it('come from the web, from this machine only with leave', async () => {
    const article = `<p>The ferry to the island leaves at seven. ${'It carries mail, sheep and passengers. '.repeat(20)}</p>`
    const server = createServer((_, response) =>
      response
        .setHeader('content-type', 'text/html')
        .end(`<title>Ferry</title><nav>menu</nav><article>${article}</article>`),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ferry`
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'empty'))
    const { client } = await composed(temporaryFolder())
    const { id } = await indexedCollection(client, folder)
    const { jobId } = await client.request(collectionsAddPage, { id, url })
    const refused = async () => (await client.request(jobsList, {})).find((job) => job.id === jobId)!
    while ((await refused()).state === 'running') await new Promise((resolve) => setTimeout(resolve, 10))
    expect(await refused()).toMatchObject({ state: 'failed', error: expect.stringContaining('own network') })
    await jobResult(client, (await client.request(collectionsAddPage, { id, url, allowPrivate: true })).jobId)
    expect(await again(client, id)).toMatchObject({ documents: 1, removed: 0 })
    const { hits } = await client.request(searchRun, { collectionIds: [id], query: 'When does the ferry leave?' })
    expect(hits[0]).toMatchObject({ path: url })
    expect(hits[0].text).toContain('leaves at seven')
  })
})

describe('a folder that is followed', () => {
  it('is indexed again when something in it changes', async () => {
    const folder = temporaryFolder()
    writeFiles(folder, town)
    const { client } = await composed(temporaryFolder())
    const { id } = await client.request(collectionsCreate, { name: 'followed' })
    await jobResult(client, (await client.request(collectionsIndex, { id, paths: [folder], watch: true })).jobId)
    writeFiles(folder, { 'school/new.txt': 'The gymnasium was painted orange.' })
    const end = performance.now() + 15_000
    while ((await client.request(documentsList, { collectionId: id })).total < 7) {
      if (performance.now() > end) throw new Error('nothing was noticed')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await client.request(collectionsUpdate, { id, settings: { watch: false } })
  })
})
