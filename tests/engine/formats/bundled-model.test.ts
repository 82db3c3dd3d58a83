/** The bundled shards hold the very bytes of the file that they were split from. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { readGgufConfig } from '../../../src/main/engine/models/read-gguf-config'

const folder = join(import.meta.dirname, '../../../resources/models/smollm2-135m-instruct')
/** SHA-256 of all tensors' bytes, in the order of the unsplit file. */
const tensorHash = '98aff3b9d040705869dfca86f7f5593311bbb77090bcde9dff3b7d5f9d933d7b'

it('opens as one model with the tensors of the unsplit file', async () => {
  const file = await openModelFile(folder)
  expect(file.paths.length).toBe(3)
  expect(file.tensors.size).toBe(272)
  const hash = createHash('sha256')
  for (const { name, sizeBytes } of file.tensors.values()) hash.update(await file.read(name, 0, sizeBytes))
  expect(hash.digest('hex')).toBe(tensorHash)
  expect(await readGgufConfig(file)).toMatchObject({
    architecture: 'llama',
    vocabSize: 49_152,
    layers: 30,
    hiddenDim: 576,
    heads: 9,
    kvHeads: 3,
    headDim: 64,
    contextLength: 8192,
    rope: { theta: 100_000, dim: 64 },
    eosTokenIds: [2],
  })
  await file.close()
})
