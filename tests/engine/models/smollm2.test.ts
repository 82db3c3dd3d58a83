/** SmolLM2-135M-Instruct, Q4_1: logits, greedy answers and losses of transformers (tests/golden/smollm2), in every type. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Gpu } from '../../../src/main/engine/device/gpu'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { blockTokens } from '../../../src/main/engine/kernels/attention'
import { type Decoder } from '../../../src/main/engine/models/decoder'
import { loadDecoder, readModelConfig } from '../../../src/main/engine/models/load-decoder'
import { ModelRunner } from '../../../src/main/engine/runtime/model-runner'
import { largestDifference, readFloats, readGolden } from '../golden'

const path = join(
  import.meta.dirname,
  '../../../resources/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1-00001-of-00003.gguf',
)
interface Reference {
  prompt_ids: number[]
  greedy_ids: number[]
  greedy_margin: number[]
}
const references = readGolden<Reference[]>('smollm2', 'greedy.json')
/** Half precision or bytes anywhere: the bound is that of the types, not of the sums. */
const bounds = { f32: 2e-3, f16: 3e-2, int8: 0.8 }
const margins = { f32: 0.05, f16: 0.1, int8: 0.8 }

let gpu: Gpu
let decoder: Decoder
beforeAll(async () => {
  gpu = await Gpu.open()
  const file = await openModelFile(path)
  decoder = await loadDecoder(gpu, file, await readModelConfig(file))
  await file.close()
})
afterAll(async () => {
  await gpu.idle()
  gpu.destroy()
})

const combinations = [
  { activations: 'f32', kvType: 'f32' },
  { activations: 'f32', kvType: 'f16' },
  { activations: 'f16', kvType: 'f32' },
  { activations: 'f16', kvType: 'f16' },
  { activations: 'f32', kvType: 'int8' },
] as const

describe.each(combinations)('computed in $activations with keys and values in $kvType', ({ activations, kvType }) => {
  let runner: ModelRunner
  beforeAll(async () => {
    runner = await ModelRunner.open(gpu, decoder, { activations, kvType, contextLength: 256, blocks: 16 })
  })
  afterAll(() => runner.release())
  const precision = kvType === 'int8' ? kvType : activations === 'f32' && kvType === 'f32' ? 'f32' : 'f16'
  const blocks = Array.from({ length: 256 / blockTokens }, (_, i) => 15 - i)

  it.each(references.map(({ prompt_ids }, i) => ({ prompt_ids, i })))(
    'the logits after prompt $i are the reference’s',
    async ({ prompt_ids, i }) => {
      const [logits] = await runner.logits([{ ids: prompt_ids, position: 0, blocks, logits: 'last' }])
      expect(largestDifference(logits, readFloats('smollm2', `last-logits-${i}.f32`))).toBeLessThan(bounds[precision])
    },
  )

  it('the greedy answers are the reference’s as far as they are clear', async () => {
    for (const reference of references) {
      const { prompt_ids, greedy_ids } = reference
      const certain = greedy_ids.slice(0, firstUnclear(reference, margins[precision]))
      // Each token after the reference's own: one close call does not hide what follows.
      const ids = [...prompt_ids, ...greedy_ids]
      let position = 0
      for (const [step, expected] of certain.entries()) {
        const end = prompt_ids.length + step
        const entry = { ids: ids.slice(position, end), position, blocks, logits: 'last' as const }
        const [found] = await runner.sample([entry], [{ changes: [], topK: 1 }])
        expect(found!.ids[0]).toBe(expected)
        position = end
      }
    }
  })
})

function firstUnclear({ greedy_ids, greedy_margin }: Reference, margin: number): number {
  const unclear = greedy_margin.findIndex((m) => m < margin)
  return unclear < 0 ? greedy_ids.length : unclear
}
