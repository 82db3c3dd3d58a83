/** Another embedding model: prepared beside the one that answers. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { jobsList } from '../../../../src/shared/contract/jobs'
import { collectionsList, collectionsUpdate, embedTexts, searchRun } from '../../../../src/shared/contract/knowledge'
import { modelsImport, modelsList } from '../../../../src/shared/contract/models'
import { bundledModels, composed } from '../../host/composed'
import { indexedCollection, jobResult, temporaryFolder, town, writeFiles } from './knowledge-fixture'

/** The bundled model, pooled otherwise: other vectors from the same weights. */
function otherModel(): string {
  const folder = join(temporaryFolder(), 'all-minilm-by-cls')
  cpSync(join(bundledModels, 'all-minilm-l6-v2'), folder, { recursive: true })
  const file = join(folder, '1_Pooling/config.json')
  const pooling = {
    ...JSON.parse(readFileSync(file, 'utf8')),
    pooling_mode_mean_tokens: false,
    pooling_mode_cls_token: true,
  }
  writeFileSync(file, JSON.stringify(pooling))
  return folder
}

it('answers as before until the other model is ready, and when it cannot be had', async () => {
  const folder = temporaryFolder()
  writeFiles(folder, town)
  const { client } = await composed(temporaryFolder())
  const { id } = await indexedCollection(client, folder)
  const imported = await client.request(modelsImport, { path: otherModel() })
  expect(imported).toMatchObject({ architecture: 'bert', chat: false })
  expect((await client.request(modelsList, {})).map((model) => [model.architecture, model.chat])).toContainEqual([
    'bert',
    false,
  ])
  const embed = async (model: string | null) =>
    (await client.request(embedTexts, { model, texts: ['a bridge of stone'] })).embeddings[0]
  expect(await embed(imported.id)).not.toEqual(await embed(null))

  const search = () =>
    client.request(searchRun, { collectionIds: [id], query: 'Who built the stone bridge?', mode: 'dense' })
  const before = (await search()).hits[0]
  await client.request(collectionsUpdate, { id, settings: { embeddingModel: imported.id } })
  expect((await search()).hits[0]).toEqual(before)
  const [job] = await client.request(jobsList, { limit: 1 })
  await jobResult(client, job.id)
  const after = (await search()).hits[0]
  expect(after.path).toBe(before.path)
  expect(after.score).not.toBeCloseTo(before.score, 3)
  const [collection] = await client.request(collectionsList, {})
  expect(collection).toMatchObject({ pendingChunks: 0, dim: 384 })

  await client.request(collectionsUpdate, { id, settings: { embeddingModel: 'no-such-model' } })
  const failed = async () => (await client.request(jobsList, { limit: 1 }))[0]
  while ((await failed()).state === 'running') await new Promise((resolve) => setTimeout(resolve, 10))
  expect(await failed()).toMatchObject({ state: 'failed', error: expect.stringContaining('no-such-model') })
  expect((await search()).hits[0]).toEqual(after)
})
