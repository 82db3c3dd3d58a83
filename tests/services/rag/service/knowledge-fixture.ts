/** A profile with the bundled models and a folder of documents about a small invented town. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { jobsList } from '../../../../src/shared/contract/jobs'
import { collectionsCreate, collectionsIndex } from '../../../../src/shared/contract/knowledge'
import { type Client } from '../../../../src/main/host/client'

export const town: Record<string, string> = {
  'bridge.md':
    '# The Old Bridge\n\nThe stone bridge over the Aldern was built in 1742 by the mason Tobias Kerrin. It has five arches.\n\n' +
    '## Repairs\n\nAfter the flood of 1911 two arches were rebuilt in concrete. The repair cost 48,000 crowns.\n',
  'bakery.txt':
    'Marta Lindqvist opened the bakery on Mill Street in 1986. She bakes rye bread on Mondays and cardamom buns on Fridays. ' +
    'The oven is heated with beech wood.\n',
  'school/rules.md':
    '# School rules\n\nLessons begin at eight in the morning. Pupils may not bring dogs into the building.\n\n- Bicycles are parked behind the gym.\n- The library closes at four.\n',
  'harbour.txt':
    'The harbour of Aldern holds forty fishing boats. The harbour master is Piet Osman. Herring is landed in March and April.\n',
  '축제.md':
    '# 등불 축제\n\n알더른 등불 축제는 매년 10월 첫째 토요일에 열린다. 축제는 1953년에 시작되었다. 강변에 등불 삼천 개를 띄운다.\n\n' +
    '## 음식\n\n축제의 대표 음식은 밤으로 만든 수프이다.\n',
  '도서관.txt':
    '시립 도서관은 중앙 광장 옆에 있다. 관장은 한지우이며 장서는 모두 8만 권이다. 월요일에는 문을 닫는다.\n',
}

/** A folder that goes when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'moru-knowledge-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function writeFiles(folder: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

/** Waits for a job's end. @returns its result. */
export async function jobResult<T = Record<string, unknown>>(client: Client, jobId: string): Promise<T> {
  for (;;) {
    const job = (await client.request(jobsList, {})).find((one) => one.id === jobId)
    if (job && job.state !== 'running') {
      expect(job).toMatchObject({ state: 'done', error: null })
      return job.result as T
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A collection over `folder`, indexed. */
export async function indexedCollection(client: Client, folder: string, name = 'town') {
  const { id } = await client.request(collectionsCreate, { name })
  const { jobId } = await client.request(collectionsIndex, { id, paths: [folder], watch: false })
  return { id, report: await jobResult<{ documents: number; chunks: number; skipped: { path: string; reason: string }[]; indexed: number; removed: number }>(client, jobId) } // prettier-ignore
}
