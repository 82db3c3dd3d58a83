/** From a budget to a file that keeps to it. */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { JobRunner } from '../../../src/main/jobs'
import { type ModelLibrary } from '../../../src/main/models'
import { type FitEvent, fitToSize } from '../../../src/main/quantize/fit'
import { planOf } from '../../../src/main/quantize/plan'
import { fitJob } from '../../../src/main/quantize/run-fit'
import { quantizeModel } from '../../../src/main/quantize/quantize-run'
import { type InputOf } from '../../../src/shared/contract'
import { type Fitted, quantizeFit, recipe } from '../../../src/shared/contract/quantize'
import { temporaryStore } from '../../services/store/temporary-profile'
import { tinyModel } from '../runtime/tiny-models'

const text = join(import.meta.dirname, '../../fixtures/text.txt')
const sources = { bundledFolder: '', collection: () => '', conversations: () => '' }
const deaf = { stage: () => undefined, matrix: () => undefined }
const never = new AbortController().signal

let folder: string
let model: { id: string; name: string; path: string }
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moru-fit-'))
  model = { id: 'tiny', name: 'tiny', path: await tinyModel() }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

let measured = 0
function fit(input: Omit<InputOf<typeof quantizeFit>, 'model'>, earlier: Fitted | null = null): Promise<Fitted> {
  const calibration = { source: { kind: 'file' as const, path: text }, window: 64, windows: 6 }
  const whole = quantizeFit.input.parse({ model: null, bits: [2, 4, 8], groups: [32], calibration, ...input })
  return fitToSize({ model, input: whole, sources, earlier: () => earlier }, () => measured++, never)
}

async function refusal(
  input: Parameters<typeof fit>[0],
): Promise<{ message: string; details: { leastBytes: number } }> {
  return fit(input).then(
    () => Promise.reject(new Error('It was not refused.')),
    (error: unknown) => error as Awaited<ReturnType<typeof refusal>>,
  )
}

const bitsOf = ({ sensitivities }: Fitted) => sensitivities.map((s) => s.candidates[s.chosen].bits)

describe.each([
  { name: 'codes', methods: ['hqq', 'gptq'] as const, format: 'safetensors' },
  { name: 'GGUF blocks', methods: ['q2_k', 'q4_0', 'q5_1', 'q8_0'] as const, format: 'gguf' },
])('$name', ({ methods, format }) => {
  it('names the least possible size, fits to more, and spends no more than is given', { timeout: 120_000 }, async () => {
    const { message, details } = await refusal({ budgetBytes: 1000, methods: [...methods] })
    expect(message).toMatch(/0\.1 MB are too few: the least for tiny by .* is 0\.\d MB, of which 0\.\d MB are not quantized/)
    const least = await fit({ budgetBytes: details.leastBytes, methods: [...methods] })
    expect(least.sizeBytes).toBeLessThanOrEqual(details.leastBytes)
    measured = 0
    const best = await fit({ budgetBytes: 10_000_000, methods: [...methods] }, least)
    expect(measured).toBe(0)
    expect(best.key).toBe(least.key)
    expect(best).toMatchObject({ atBest: true, holds16Bits: true })
    for (const bits of bitsOf(best)) expect(bits).toBeGreaterThanOrEqual(8)

    const budgetBytes = Math.floor((least.sizeBytes + best.sizeBytes) / 2)
    const middle = await fit({ budgetBytes, methods: [...methods] }, best)
    expect(middle).toMatchObject({ atBest: false, holds16Bits: false, format })
    expect(new Set(bitsOf(middle)).size).toBeGreaterThan(1)
    expect(middle.estimatedKld).toBeLessThan(least.estimatedKld)
    expect(middle.estimatedKld).toBeGreaterThan(best.estimatedKld)

    const planned = await planOf(model, middle.recipe)
    expect(planned.matrices.map((m) => m.bits)).toEqual(bitsOf(middle))
    expect(planned.bitsPerWeight).toBeCloseTo(middle.bitsPerWeight, 9)
    // The tiny model's tokenizer is another's: GGUF, which holds it, refuses it.
    if (format === 'gguf') return
    const path = join(folder, 'fitted')
    await quantizeModel({ model, recipe: middle.recipe, out: path, sources }, deaf, never)
    const { size } = await stat(join(path, 'model.safetensors'))
    expect(size).toBeLessThanOrEqual(budgetBytes)
  }) // prettier-ignore
})

it('scales the inputs of matrices that share them all or none', { timeout: 60_000 }, async () => {
  const { sensitivities } = await fit({ budgetBytes: 400_000, methods: ['rtn', 'awq'] })
  for (const roles of [
    ['attn_q', 'attn_k', 'attn_v'],
    ['ffn_gate', 'ffn_up'],
  ])
    for (const layer of [0, 1, 2]) {
      const own = sensitivities.filter((s) => s.layer === layer && roles.includes(s.role))
      expect(new Set(own.map((s) => s.candidates[s.chosen].method)).size).toBe(1)
    }
})

it('plans no recipe whose importance matrix is still to be named', async () => {
  const unnamed = recipe.parse({ method: 'q4_0', importance: { kind: 'file', path: '' } })
  await expect(planOf(model, unnamed)).rejects.toThrow('give its path')
})

it('refuses block types beside other methods, and an embedding model', async () => {
  expect((await refusal({ budgetBytes: 1, methods: ['rtn', 'q4_0'] })).message).toContain('choose one kind')
  const encoder = { ...model, path: await tinyModel('bert') }
  const input = quantizeFit.input.parse({ model: null, budgetBytes: 1, methods: ['rtn'] })
  await expect(
    fitToSize({ model: encoder, input, sources, earlier: () => null }, () => undefined, never),
  ).rejects.toThrow('predicts no tokens')
})

it('is a job that ends when the caller leaves, and whose measurements the next one finds', { timeout: 60_000 }, async () => {
  const jobs = new JobRunner(temporaryStore())
  const run = fitJob({ library: { resolve: async () => model } as unknown as ModelLibrary, jobs, sources })
  const calibration = { source: { kind: 'file' as const, path: text }, window: 64 }
  const input = (budgetBytes: number) =>
    quantizeFit.input.parse({ model: null, methods: ['rtn'], groups: [32], budgetBytes, calibration })
  const leave = new AbortController()
  const left = run(input(260_000), (event) => event.kind === 'progress' && event.done === 3 && leave.abort(), leave.signal)
  await expect(left).rejects.toMatchObject({ code: 'cancelled' })
  const heard: FitEvent[] = []
  await run(input(260_000), (event) => heard.push(event), never)
  expect(heard.map((event) => event.kind)).toEqual([...Array.from({ length: 22 }, () => 'progress'), 'finished'])
  const again: FitEvent[] = []
  await run(input(240_000), (event) => again.push(event), never)
  expect(again).toMatchObject([{ kind: 'finished', fitted: { budgetBytes: 240_000 } }])
  expect(jobs.list(9, ['fit']).map(({ state }) => state)).toEqual(['done', 'done', 'cancelled'])
}) // prettier-ignore
