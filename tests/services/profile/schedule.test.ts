/** Policies over requests that take as long as they are told to: who starts when, and whose slot stays empty. */
import { describe, expect, it } from 'vitest'
import { planRequests, runPolicy, totalsOf } from '../../../src/main/profile/schedule'
import { type SchedulePolicy } from '../../../src/shared/contract/profiler'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const requests = [60, 10, 10, 60, 10, 10].map((answerTokens) => ({ arrivesMs: 0, promptTokens: 4, answerTokens }))

async function run(policy: SchedulePolicy, own = requests, windowMs = 20, signal = new AbortController().signal) {
  let ended = 0
  let running = 0
  let most = 0
  const report = await runPolicy(
    policy,
    own,
    { slots: 2, windowMs, signal, onEnded: () => ended++ },
    async (r, first) => {
      most = Math.max(most, ++running)
      await pause(2)
      first()
      await pause(r.answerTokens)
      running--
    },
  )
  expect(most).toBeLessThanOrEqual(2)
  return { ...report, ended }
}

describe('static batches', () => {
  it('wait for their slowest: the other slot stays empty until then', async () => {
    const { lanes, ended, idleSlotMs } = await run('static')
    expect(ended).toBe(6)
    expect(lanes[1].freedMs).toBe(lanes[0].endedMs)
    expect(lanes[1].freedMs - lanes[1].endedMs).toBeGreaterThan(30)
    expect(lanes[2].startedMs).toBeGreaterThanOrEqual(lanes[0].endedMs)
    expect(idleSlotMs).toBeGreaterThan(60)
  })

  it('wait to be full, the last one excepted', async () => {
    const late = [0, 80, 81].map((arrivesMs) => ({ arrivesMs, promptTokens: 4, answerTokens: 5 }))
    const { lanes } = await run('static', late)
    expect(lanes[0].startedMs).toBeGreaterThanOrEqual(lanes[1].arrivedMs)
    expect(lanes[2].startedMs).toBeGreaterThanOrEqual(lanes[1].endedMs)
  })
})

it('dynamic batches go when the window of their first is over', async () => {
  const late = [0, 400].map((arrivesMs) => ({ arrivesMs, promptTokens: 4, answerTokens: 5 }))
  const { lanes } = await run('dynamic', late, 30)
  expect(lanes[0].startedMs - lanes[0].arrivedMs).toBeGreaterThanOrEqual(29)
  expect(lanes[0].endedMs).toBeLessThan(lanes[1].arrivedMs)
})

it('continuous batching fills a slot as soon as it is free, and is done first', async () => {
  const [fixed, continuous] = [await run('static'), await run('continuous')]
  expect(continuous.idleSlotMs).toBe(0)
  expect(continuous.makespanMs).toBeLessThan(fixed.makespanMs)
  expect(continuous.utilization).toBeGreaterThan(fixed.utilization)
  expect(continuous.lanes[2].startedMs).toBeLessThan(continuous.lanes[0].endedMs)
})

it('ends with the error of a request, and when it is cancelled', async () => {
  const options = { slots: 2, windowMs: 0, signal: new AbortController().signal, onEnded: () => undefined }
  const failing = runPolicy('continuous', requests, options, () => Promise.reject(new Error('no memory')))
  await expect(failing).rejects.toThrow('no memory')
  const controller = new AbortController()
  const cancelled = run('static', requests, 0, controller.signal)
  controller.abort()
  await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' })
})

it('the same seed gives the same requests', () => {
  expect(planRequests(8, 3)).toEqual(planRequests(8, 3))
  expect(planRequests(8, 3)).not.toEqual(planRequests(8, 4))
  expect(planRequests(1, 1)[0].arrivesMs).toBe(0)
})

it('totals are those of the lanes', () => {
  const lane = { promptTokens: 1, answerTokens: 10, arrivedMs: 0, startedMs: 10, firstTokenMs: 20, endedMs: 60, freedMs: 100 } // prettier-ignore
  expect(totalsOf([lane, { ...lane, endedMs: 100 }], 2)).toEqual({
    makespanMs: 100,
    tokensPerSecond: 200,
    meanLatencyMs: 80,
    p95LatencyMs: 100,
    meanTtftMs: 20,
    idleSlotMs: 40,
    utilization: 0.7,
  })
})
