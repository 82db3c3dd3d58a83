/** Random checkpoints, one an architecture, against the logits and greedy tokens of transformers (tests/golden/tiny-models). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Gpu } from '../../../src/main/engine/device/gpu'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { blockTokens } from '../../../src/main/engine/kernels/attention'
import { loadDecoder, readModelConfig } from '../../../src/main/engine/models/load-decoder'
import { ModelRunner, type RunnerOptions } from '../../../src/main/engine/runtime/model-runner'
import { golden, largestDifference, readFloats, readGolden } from '../golden'

const architectures = [
  'llama-gqa', 'llama-mha-untied', 'llama3-rope-scaled', 'mistral-sliding-mqa', 'qwen2', 'qwen3', 'gemma3', 'opt', 'gpt2', 'bloom-alibi',
  // Heads and feed-forward layers that the kernels take only with padding; YaRN, scores divided by the layer.
  'llama-narrow', 'qwen3-narrow', 'gpt2-narrow', 'bloom-narrow',
] // prettier-ignore

interface Expected {
  input_ids: number[]
  greedy_ids: number[]
  greedy_margin: number[]
}

let gpu: Gpu
beforeAll(async () => {
  gpu = await Gpu.open()
})
afterAll(async () => {
  await gpu.idle()
  gpu.destroy()
})

async function open(name: string, options: Partial<RunnerOptions> = {}, own = gpu): Promise<ModelRunner> {
  const file = await openModelFile(golden('tiny-models', name))
  try {
    const decoder = await loadDecoder(own, file, await readModelConfig(file))
    return await ModelRunner.open(own, decoder, {
      activations: 'f32',
      kvType: 'f32',
      contextLength: 128,
      blocks: 16,
      ...options,
    })
  } finally {
    await file.close()
  }
}

const blocksFor = (tokens: number, first = 0) =>
  Array.from({ length: Math.ceil(tokens / blockTokens) }, (_, i) => first + i)

function close(runner: ModelRunner): void {
  runner.release()
  runner.model.buffers.release()
}

/** Greedy continuation, one token a step after the prompt. */
async function greedy(runner: ModelRunner, prompt: number[], count: number): Promise<number[]> {
  const ids = [...prompt]
  let computed = 0
  while (ids.length < prompt.length + count) {
    const entry = {
      ids: ids.slice(computed),
      position: computed,
      blocks: blocksFor(ids.length),
      logits: 'last' as const,
    }
    computed = ids.length
    const [found] = await runner.sample([entry], [{ changes: [], topK: 1 }])
    ids.push(found!.ids[0])
  }
  return ids.slice(prompt.length)
}

describe.each(architectures)('%s', (name) => {
  const expected = readGolden<Expected>('tiny-models', name, 'expected.json')
  const reference = readFloats('tiny-models', name, 'expected.f32')
  const scale = Math.max(
    1,
    reference.reduce((most, v) => Math.max(most, Math.abs(v)), 0),
  )

  it('gives the reference logits at every position', async () => {
    const runner = await open(name)
    const rows = await runner.logits([
      { ids: expected.input_ids, position: 0, blocks: blocksFor(expected.input_ids.length), logits: 'all' },
    ])
    const all = rows.flatMap((row) => [...row])
    expect(largestDifference(all, reference)).toBeLessThan(1e-3 * scale)
    close(runner)
  })

  it('gives them in chunks of any size, through scattered blocks', async () => {
    const runner = await open(name)
    const blocks = [7, 2, 11]
    const rows: Float32Array[] = []
    for (let at = 0, size = 1; at < expected.input_ids.length; at += size, size = (size * 3) % 17 || 1) {
      size = Math.min(size, expected.input_ids.length - at)
      rows.push(
        ...(await runner.logits([
          { ids: expected.input_ids.slice(at, at + size), position: at, blocks, logits: 'all' },
        ])),
      )
    }
    expect(
      largestDifference(
        rows.flatMap((row) => [...row]),
        reference,
      ),
    ).toBeLessThan(1e-3 * scale)
    close(runner)
  })

  it('continues greedily as the reference does', async () => {
    const runner = await open(name)
    const ids = await greedy(runner, expected.input_ids, expected.greedy_ids.length)
    const unclear = expected.greedy_margin.findIndex((margin) => margin < 2e-3)
    const certain = unclear < 0 ? expected.greedy_ids.length : unclear
    expect(ids.slice(0, certain)).toEqual(expected.greedy_ids.slice(0, certain))
    close(runner)
  })
})
