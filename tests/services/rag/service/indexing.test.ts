import { describe, expect, it } from 'vitest'
import { searchRun } from '../../../../src/shared/contract/knowledge'
import { composed } from '../../host/composed'
import { indexedCollection, temporaryFolder, town, writeFiles } from './knowledge-fixture'

describe('a folder of text and Markdown', () => {
  it('is indexed and searched in English and Korean', async () => {
    const folder = temporaryFolder()
    writeFiles(folder, town)
    const { client } = await composed(temporaryFolder())
    const { id, report } = await indexedCollection(client, folder)
    expect(report).toMatchObject({ documents: 6, skipped: [], indexed: 6, removed: 0 })
    const first = async (query: string) =>
      (await client.request(searchRun, { collectionIds: [id], query })).hits[0].path
    expect(await first('Who built the stone bridge?')).toBe(`${folder}/bridge.md`)
    expect(await first('at what time does school start')).toBe(`${folder}/school/rules.md`)
    expect(await first('등불 축제는 언제 시작되었나요?')).toBe(`${folder}/축제.md`.normalize('NFC'))
    expect(await first('도서관 관장은 누구인가?')).toBe(`${folder}/도서관.txt`.normalize('NFC'))
  })
})
