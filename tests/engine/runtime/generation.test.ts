/** Requests to a loaded model: many at a time, cancelled, failing, cached, out of room. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Engine, type LoadedModel } from '../../../src/main/engine'
import { answer, idsOf, loadTiny, request, settledBlocks } from './tiny-models'

let engine: Engine
let model: LoadedModel
beforeAll(async () => {
  engine = new Engine()
  model = await loadTiny(engine)
})
afterAll(() => engine.close())

/** Never the end: its ids are pushed out of reach. */
const endless = { '0': -100, '1': -100, '2': -100 }
const warm = { temperature: 1.5, topK: 0, topP: 1, minP: 0, maxTokens: 24, logitBias: endless }

describe('a seed', () => {
  it('gives the same tokens again, with the prompt cached and beside other requests', async () => {
    const asked = request(idsOf(130), { ...warm, seed: 42 })
    const first = await answer(model, asked)
    const again = await answer(model, asked)
    expect(first.finished.usage.cachedTokens).toBe(0)
    expect(again.finished.usage.cachedTokens).toBe(112)
    expect(again.finished.tokenIds).toEqual(first.finished.tokenIds)
    const others = [1, 2, 3, 4].map((seed) => answer(model, request(idsOf(20 + seed, seed), { ...warm, seed })))
    const beside = await answer(model, asked)
    expect(beside.finished.tokenIds).toEqual(first.finished.tokenIds)
    await Promise.all(others)
    const other = await answer(model, { ...asked, sampling: { ...asked.sampling, seed: 43 } })
    expect(other.finished.tokenIds).not.toEqual(first.finished.tokenIds)
  })
})

describe('the answer', () => {
  it('is the concatenation of its events, which decoding the ids gives too', async () => {
    const { text, finished, tokens } = await answer(model, request(idsOf(30), { ...warm, seed: 5, maxTokens: 60 }))
    expect(tokens.map((t) => t.id)).toEqual(finished.tokenIds)
    expect(text).toBe(model.tokenizer.decode(finished.tokenIds))
    expect(finished).toMatchObject({ finishReason: 'length', usage: { promptTokens: 30, completionTokens: 60 } })
  })
  it('reports log-probabilities: the best in order, the chosen one among all', async () => {
    const { tokens } = await answer(model, request(idsOf(30), { ...warm, seed: 6, maxTokens: 8, logprobs: 20 }))
    for (const { id, detail } of tokens) {
      const top = detail!.top
      expect(top).toHaveLength(20)
      expect(top.map((t) => t.logprob)).toEqual(top.map((t) => t.logprob).sort((a, b) => b - a))
      expect(top.reduce((sum, t) => sum + Math.exp(t.logprob), 0)).toBeLessThan(1.0001)
      expect(detail!.id).toBe(id)
      expect(detail!.logprob).toBeLessThanOrEqual(top[0].logprob)
    }
    const greedy = await answer(model, request(idsOf(30), { maxTokens: 3, logprobs: 0 }))
    expect(greedy.tokens.every((t) => t.detail!.top.length === 0 && t.detail!.logprob! < 0)).toBe(true)
  })
  it('gives log-probabilities that are the log-softmax of the logits', async () => {
    const ids = idsOf(40, 8)
    const { tokens } = await answer(model, request(ids, { maxTokens: 1, logprobs: 5 }))
    const losses = await Promise.all(tokens[0].detail!.top.map((t) => model.score([...ids, t.id])))
    tokens[0].detail!.top.forEach((t, i) => expect(t.logprob).toBeCloseTo(-losses[i].at(-1)!, 3))
  })
  it('obeys biases and penalties, greedy too', async () => {
    const plain = await answer(model, request(idsOf(30)))
    const [first] = plain.finished.tokenIds
    const banned = await answer(model, request(idsOf(30), { logitBias: { [first]: -100 } }))
    expect(banned.finished.tokenIds).not.toContain(first)
    const forced = await answer(model, request(idsOf(30), { logitBias: { '77': 100 }, maxTokens: 4 }))
    expect(forced.finished.tokenIds).toEqual([77, 77, 77, 77])
    const varied = await answer(model, request(idsOf(30), { frequencyPenalty: 2, presencePenalty: 2, maxTokens: 24 }))
    expect(new Set(varied.finished.tokenIds).size).toBeGreaterThan(20)
  })
})

describe('room', () => {
  it('is refused to prompts that leave none, with the figures', async () => {
    await expect(answer(model, request(idsOf(512)))).rejects.toMatchObject({
      code: 'context_full',
      details: { promptTokens: 512, contextLength: 512 },
    })
    await expect(model.score(idsOf(513))).rejects.toMatchObject({ code: 'context_full' })
    await expect(answer(model, request([]))).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(answer(model, request([320]))).rejects.toMatchObject({ code: 'invalid_input' })
  })
  it('ends an answer that fills it', async () => {
    const { finished } = await answer(model, request(idsOf(505), { logitBias: { '77': 100 }, maxTokens: 100 }))
    expect(finished).toMatchObject({ finishReason: 'context_full', usage: { completionTokens: 7 } })
    const last = await answer(model, request(idsOf(511), { logitBias: { '77': 100 }, maxTokens: 1 }))
    expect(last.finished.finishReason).toBe('length')
  })
})

describe('cancelling', () => {
  it('ends an answer at once, keeps what was said, and frees its blocks', async () => {
    const abort = new AbortController()
    const events = model.generate(
      request(idsOf(100), { logitBias: { '77': 100 }, maxTokens: 400, signal: abort.signal }),
    )
    let tokens = 0
    for await (const event of events) {
      if (event.kind === 'token' && ++tokens === 5) abort.abort()
      if (event.kind !== 'finished') continue
      expect(event.finishReason).toBe('cancelled')
      expect(event.tokenIds).toHaveLength(5)
    }
    expect(tokens).toBe(5)
    expect(await settledBlocks(model)).toBe(0)
  })
  it('ends a request that was cancelled before it began, or waits', async () => {
    const abort = new AbortController()
    abort.abort()
    const early = await answer(model, request(idsOf(20), { signal: abort.signal }))
    expect(early.finished).toMatchObject({ finishReason: 'cancelled', tokenIds: [] })
    const late = new AbortController()
    const whole = answer(model, request(idsOf(100), { maxTokens: 400, logitBias: { '77': 100 } }))
    const waiting = answer(model, request(idsOf(100, 1), { maxTokens: 400, signal: late.signal }))
    setTimeout(() => late.abort(), 20)
    expect((await waiting).finished.finishReason).toBe('cancelled')
    expect((await whole).finished.tokenIds).toHaveLength(400)
  })
  it('frees what a caller held who stopped listening', async () => {
    for await (const event of model.generate(request(idsOf(100), { maxTokens: 400 }))) if (event.kind === 'token') break
    expect(await settledBlocks(model)).toBe(0)
    expect(model.status.generating).toBe(false)
  })
})

describe('many requests', () => {
  it('leave no block held: finished, stopped, cancelled, left and refused ones, with scoring between them', async () => {
    const one = async (i: number): Promise<void> => {
      const abort = new AbortController()
      const asked = request(idsOf(1 + ((i * 31) % 120), i % 7), {
        ...warm,
        seed: i,
        maxTokens: 1 + (i % 9),
        signal: abort.signal,
      })
      if (i % 5 === 0) setTimeout(() => abort.abort(), i % 50)
      if (i % 11 === 0) await expect(answer(model, request(idsOf(600)))).rejects.toMatchObject({ code: 'context_full' })
      else if (i % 13 === 0) expect(await model.score(idsOf(1 + i, i))).toHaveLength(i)
      else if (i % 7 === 0) for await (const event of model.generate(asked)) if (event.kind === 'token') break
      await answer(model, asked)
    }
    await Promise.all(Array.from({ length: 200 }, (_, i) => one(i)))
    expect(await settledBlocks(model)).toBe(0)
  })
  it('score the same while others generate', async () => {
    const ids = idsOf(150, 4)
    const alone = await model.score(ids)
    const others = [1, 2].map((seed) => answer(model, request(idsOf(200, seed), { ...warm, seed, maxTokens: 60 })))
    const beside = await model.score(ids)
    expect(beside).toEqual(alone)
    for (const other of await Promise.all(others)) expect(other.finished.finishReason).toBe('length')
  })
})
