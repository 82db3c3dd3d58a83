/** What the window asks beyond the command line: one setting changed alone, folders left, files read without a collection. */
import { expect, it } from 'vitest'
import {
  collectionsCreate,
  collectionsList,
  collectionsUpdate,
  documentsList,
  documentsRead,
} from '../../../../src/shared/contract/knowledge'
import { composed } from '../../host/composed'
import { indexedCollection, temporaryFolder, town, writeFiles } from './knowledge-fixture'

const base64 = (text: string) => Buffer.from(text).toString('base64')

it('changes one setting and leaves the others as they are', async () => {
  const { client } = await composed(temporaryFolder())
  const settings = { chunkTokens: 64, koreanMorphemes: true, vectorType: 'int8' as const }
  const { id } = await client.request(collectionsCreate, { name: 'a', settings })
  await client.request(collectionsUpdate, { id, settings: { watch: false } })
  const [{ settings: now }] = await client.request(collectionsList, {})
  expect(now).toMatchObject({ ...settings, watch: false, chunkOverlap: 32 })
})

it('reads one file for a message, and says why it cannot', async () => {
  const { client } = await composed(temporaryFolder())
  const read = (name: string, text: string) => client.request(documentsRead, { name, base64: base64(text) })
  expect(await read('notes.html', '<h1>모루</h1><p>212 kg</p>')).toMatchObject({
    text: expect.stringContaining('212 kg') as string,
    warnings: [],
  })
  await expect(read('paper.pdf', '%PDF-1.7 broken')).rejects.toThrow(/PDF|damaged|broken/)
})

it('counts documents by state, and forgets those of a folder that is left', async () => {
  const folder = temporaryFolder()
  writeFiles(folder, { ...town, 'broken.pdf': '%PDF-1.7 broken' })
  const { client } = await composed(temporaryFolder())
  const { id } = await indexedCollection(client, folder)
  const failed = await client.request(documentsList, { collectionId: id, state: 'failed' })
  expect(failed).toMatchObject({ total: 1, states: { indexed: 6, pending: 0, failed: 1 } })
  expect(failed.documents[0].path.endsWith('broken.pdf')).toBe(true)
  expect((await client.request(collectionsUpdate, { id, roots: [] })).roots).toEqual([])
  await expect
    .poll(async () => (await client.request(documentsList, { collectionId: id })).total, { timeout: 20_000 })
    .toBe(0)
})
