/** Encoders against transformers (tests/golden/tiny-models) and sentence-transformers (tests/golden/minilm). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Engine } from '../../../src/main/engine'
import { Gpu } from '../../../src/main/engine/device/gpu'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { loadEncoder, readModelConfig } from '../../../src/main/engine/models/load-decoder'
import { EncoderRunner } from '../../../src/main/engine/runtime/encoder-runner'
import { golden, largestDifference, readFloats, readGolden } from '../golden'

interface Expected {
  input_ids: number[][]
  attention_mask: number[][]
  token_type_ids: number[][]
}

let gpu: Gpu
beforeAll(async () => {
  gpu = await Gpu.open()
})
afterAll(async () => {
  await gpu.idle()
  gpu.destroy()
})

async function open(name: string): Promise<EncoderRunner> {
  const file = await openModelFile(golden('tiny-models', name))
  try {
    return await EncoderRunner.open(gpu, await loadEncoder(gpu, file, await readModelConfig(file)), 128)
  } finally {
    await file.close()
  }
}

/** The reference's batch without its padding. */
function inputsOf(expected: Expected) {
  return expected.input_ids.map((ids, row) => {
    const kept = ids.map((_, i) => i).filter((i) => expected.attention_mask[row][i] === 1)
    return { ids: kept.map((i) => ids[i]), types: kept.map((i) => expected.token_type_ids[row][i]) }
  })
}

describe.each(['bert', 'roberta', 'xlm-roberta'])('%s', (name) => {
  it('gives the reference hidden states without padding', async () => {
    const expected = readGolden<Expected>('tiny-models', name, 'expected.json')
    const reference = readFloats('tiny-models', name, 'expected.f32')
    const runner = await open(name)
    const { hiddenDim } = runner.model.config
    const length = expected.input_ids[0].length
    for (const [row, input] of inputsOf(expected).entries()) {
      const states = await runner.hiddenStates(input)
      states.forEach((state, t) => {
        const at = (row * length + t) * hiddenDim
        expect(largestDifference(state, reference.subarray(at, at + hiddenDim))).toBeLessThan(1e-3)
      })
    }
    runner.release()
  })

  it('pools the texts of a batch as it pools each alone', async () => {
    const inputs = inputsOf(readGolden<Expected>('tiny-models', name, 'expected.json'))
    const batch = [inputs[1], { ids: inputs[0].ids.slice(0, 1) }, inputs[0]]
    const runner = await open(name)
    for (const mode of ['mean', 'max', 'cls', 'last'] as const) {
      const together = await runner.pooled(batch, mode, mode === 'mean')
      for (const [i, input] of batch.entries()) {
        const states = await runner.hiddenStates(input)
        const [alone] = await runner.pooled([input], mode, mode === 'mean')
        expect(largestDifference(together[i], alone)).toBeLessThan(1e-5)
        if (mode === 'cls') expect(largestDifference(alone, states[0])).toBeLessThan(1e-6)
        if (mode === 'last') expect(largestDifference(alone, states[states.length - 1])).toBeLessThan(1e-6)
      }
    }
    runner.release()
  })
})

describe('bert-cross-encoder', () => {
  it('gives the reference logits', async () => {
    const runner = await open('bert-cross-encoder')
    const inputs = inputsOf(readGolden<Expected>('tiny-models', 'bert-cross-encoder', 'expected.json'))
    const reference = readFloats('tiny-models', 'bert-cross-encoder', 'expected.f32')
    expect(largestDifference(await runner.ranked(inputs), reference)).toBeLessThan(1e-3)
    runner.release()
  })
})

describe('all-MiniLM-L6-v2', () => {
  const { texts } = readGolden<{ texts: string[] }>('minilm', 'embeddings.json')
  const reference = readFloats('minilm', 'embeddings.f32')
  const cosine = (a: Float32Array, b: Float32Array) =>
    a.reduce((sum, v, i) => sum + v * b[i], 0) / Math.hypot(...a) / Math.hypot(...b)

  it.each([
    { int8: false, least: 0.99999 },
    { int8: true, least: 0.999 },
  ])('embeds as sentence-transformers does (int8 $int8)', async ({ int8, least }) => {
    const engine = new Engine()
    const model = await engine.loadEmbedder('resources/models/all-minilm-l6-v2', { int8 })
    expect(model.maxTokens).toBe(256)
    const vectors = await model.embed(texts)
    vectors.forEach((v, i) => {
      expect(Math.abs(Math.hypot(...v) - 1)).toBeLessThan(1e-5)
      expect(cosine(v, reference.subarray(i * model.dim, (i + 1) * model.dim)), texts[i].slice(0, 40)).toBeGreaterThan(
        least,
      )
    })
    const [short] = await model.embed(texts.slice(0, 1), { dim: 64 })
    expect(short).toHaveLength(64)
    expect(cosine(short, vectors[0].subarray(0, 64))).toBeGreaterThan(0.99999)
    await engine.close()
  })
})
