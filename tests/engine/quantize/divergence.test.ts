/** Divergences of predictions against sums written out, and of two models that run in step. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compareWindow } from '../../../src/main/engine/quantize/compare-models'
import { divergence, quantiles, summarize, type TokenDivergence } from '../../../src/main/engine/quantize/divergence'
import { Engine, type LoadedModel } from '../../../src/main/engine'
import { idsOf, loadTiny } from '../runtime/tiny-models'

const logitsOf = (probabilities: number[], shift = 0) => Float32Array.from(probabilities, (p) => Math.log(p) + shift)

describe('of one place', () => {
  it('is the sum of p log(p / q), whatever is added to all logits', () => {
    const p = [0.5, 0.25, 0.125, 0.125]
    const q = [0.25, 0.25, 0.25, 0.25]
    const expected = 0.5 * Math.log(2) + 0 + 2 * 0.125 * Math.log(0.5)
    const found = divergence(logitsOf(p, 3), logitsOf(q, -70), 1)
    expect(found.kld).toBeCloseTo(expected, 6)
    expect(found.nll![0]).toBeCloseTo(-Math.log(0.25), 5)
    expect(found.nll![1]).toBeCloseTo(-Math.log(0.25), 5)
    expect(found.sameTop1).toBe(true)
  })
  it('is nothing for the same logits, and asks no next token', () => {
    const logits = Float32Array.from({ length: 101 }, (_, i) => Math.sin(i) * 9)
    expect(divergence(logits, logits.slice(), null)).toEqual({ kld: 0, sameTop1: true, nll: null })
  })
  it('takes tokens of no probability for what they are', () => {
    const found = divergence(Float32Array.of(0, -Infinity, 0), Float32Array.of(0, 5, 0), 0)
    expect(found.kld).toBeCloseTo(Math.log((2 + Math.exp(5)) / 2), 5)
    expect(found.sameTop1).toBe(false)
  })
})

it('sums tokens up with the standard error of the mean', () => {
  const token = (kld: number, sameTop1: boolean, a: number, b: number): TokenDivergence => ({
    kld,
    sameTop1,
    nll: [a, b],
  })
  const sum = summarize([token(0.1, true, 1, 2), token(0.3, false, 3, 2), token(0.2, true, 2, 2)])
  expect(sum.kld).toBeCloseTo(0.2, 12)
  expect(sum.kldError).toBeCloseTo(0.1 / Math.sqrt(3), 12)
  expect(sum.sameTop1).toBeCloseTo(2 / 3, 12)
  expect(sum.perplexity[0]).toBeCloseTo(Math.exp(2), 10)
  const [x, y, z] = [Math.exp(-1) - Math.exp(-2), Math.exp(-3) - Math.exp(-2), 0]
  expect(sum.rmsDeltaP).toBeCloseTo(Math.sqrt((x * x + y * y + z * z) / 3), 12)
})

it('gives quantiles between ranks', () => {
  expect(quantiles([3, 1, 2, 5, 4], [0, 0.5, 0.625, 1])).toEqual([1, 3, 3.5, 5])
})

describe('of two models', () => {
  let engine: Engine
  let a: LoadedModel
  let b: LoadedModel
  beforeAll(async () => {
    engine = new Engine()
    a = await loadTiny(engine)
    b = await loadTiny(engine, { computeType: 'f16', kvType: 'f16' })
  })
  afterAll(() => engine.close())

  it('finds the losses that scoring finds, and divergences of a model with itself in half precision near nothing', async () => {
    const ids = idsOf(90)
    const seen: number[] = []
    const found = await compareWindow(a, b, ids, { onTokens: (tokens) => seen.push(tokens.length) })
    expect(found).toHaveLength(89)
    expect(seen).toEqual([64, 25])
    const [own, other] = [await a.score(ids), await b.score(ids)]
    found.forEach(({ nll }, i) => {
      expect(nll![0]).toBeCloseTo(own[i], 4)
      expect(nll![1]).toBeCloseTo(other[i], 4)
    })
    const { kld } = summarize(found)
    expect(kld).toBeGreaterThan(0)
    expect(kld).toBeLessThan(1e-4)
  })

  it('refuses models of other vocabularies, and stops when asked to', async () => {
    const stranger = await loadTiny(engine, {}, 'gpt2')
    if (stranger.config.vocabSize !== a.config.vocabSize)
      await expect(compareWindow(a, stranger, idsOf(8))).rejects.toMatchObject({ code: 'invalid_input' })
    await engine.unload(stranger)
    const stop = AbortSignal.abort()
    await expect(compareWindow(a, b, idsOf(80), { signal: stop })).rejects.toMatchObject({ code: 'cancelled' })
    await expect(compareWindow(a, b, idsOf(8))).resolves.toHaveLength(7)
  })
})
