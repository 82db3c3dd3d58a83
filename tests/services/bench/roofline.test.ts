/** Costs and limits by hand. */
import { expect, it } from 'vitest'
import { type ModelDetail } from '../../../src/shared/contract/models'
import { modelCost, passWork, shortestSeconds } from '../../../src/main/bench/roofline'

it('work takes as long as the slower of arithmetic and memory', () => {
  const ceilings = { gigabytesPerSecond: 10, gigaflopsPerSecond: 100 }
  expect(shortestSeconds({ flops: 2e11, bytes: 1e9 }, ceilings)).toBeCloseTo(2)
  expect(shortestSeconds({ flops: 2e9, bytes: 30e9 }, ceilings)).toBeCloseTo(3)
})

const tensor = (name: string, shape: number[], sizeBytes: number) => ({ name, shape, type: 'q8_0', sizeBytes })
const tied = [
  tensor('token_embd.weight', [100, 10], 1100),
  tensor('blk.0.attn_norm.weight', [10], 40),
  tensor('blk.0.attn_q.weight', [10, 10], 110),
  tensor('blk.0.ffn_up.weight', [30, 10], 330),
]
const model = (tensors: ModelDetail['tensors']) =>
  ({ tensors, layers: 2, heads: 4, headDim: 8, memoryPlan: { kvBytesPerToken: 64 } }) as ModelDetail

it('a tied embedding is the head', () => {
  expect(modelCost(model(tied))).toEqual({
    body: { weights: 400, bytes: 440 },
    head: { weights: 1000, bytes: 1100 },
    kvBytesPerToken: 64,
    attention: 128,
  })
})

it.each(['output.weight', 'lm_head.weight'])('with a head of its own (%s) the embedding is not streamed', (name) => {
  const cost = modelCost(model([...tied, tensor(name, [100, 10], 4000)]))
  expect(cost.head).toEqual({ weights: 1000, bytes: 4000 })
  expect(cost.body).toEqual({ weights: 400, bytes: 440 })
})

it.each([
  ['model.embed_tokens.weight', 'model.decoder.embed_positions.weight'],
  ['transformer.wte.weight', 'transformer.wpe.weight'],
  ['word_embeddings.weight', 'position_embd.weight'],
])('safetensors’ names are known too: %s, %s', (embedding, position) => {
  const cost = modelCost(
    model([tensor(embedding, [100, 10], 4000), tensor(position, [50, 10], 2000), ...tied.slice(1)]),
  )
  expect(cost.head.bytes).toBe(4000)
  expect(cost.body.bytes).toBe(440)
})

it('a pass reads weights once, and multiplies them for every token', () => {
  const cost = modelCost(model(tied))
  // Eight sequences of one token that see 20 keys each: 2 * (8 * 400 + 8 * 1000 + 160 * 128) operations.
  expect(passWork(cost, { tokens: 8, logits: 8, pairs: 160, cached: 160 })).toEqual({
    flops: 2 * (3200 + 8000 + 20_480),
    bytes: 440 + 1100 + 160 * 64,
  })
})
