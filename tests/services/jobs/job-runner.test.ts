import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { jobHandlers, JobRunner, type JobSpec } from '../../../src/main/jobs'
import { job, type Job } from '../../../src/shared/contract/jobs'
import { temporaryStore } from '../store/temporary-profile'

const spec = (more: Partial<JobSpec> = {}): JobSpec => ({
  kind: 'import',
  title: '모델 가져오기',
  parameters: { path: '/모델' },
  unit: 'bytes',
  total: 100,
  ...more,
})
const untilAborted = (signal: AbortSignal) =>
  new Promise<null>((_, fail) => signal.addEventListener('abort', () => fail(signal.reason), { once: true }))

function runner() {
  const store = temporaryStore()
  const jobs = new JobRunner(store)
  return { store, jobs }
}

/** What a follower hears, with the time of each report. */
function listen(jobs: JobRunner) {
  const controller = new AbortController()
  const heard: { at: number; state: Job }[] = []
  const ended = (async () => {
    for await (const state of jobs.follow(controller.signal))
      heard.push({ at: performance.now(), state: job.parse(state) })
  })()
  onTestFinished(() => controller.abort())
  return { heard, ended, leave: () => controller.abort() }
}

describe('a job', () => {
  it('has its row before it starts and its result when it ended', async () => {
    const { store, jobs } = runner()
    const seen: Job[] = []
    const { id, ended } = jobs.start(spec(), async (handle) => {
      seen.push(...jobs.list(9))
      handle.progress(40)
      handle.progress(100, 120)
      handle.rename('이름을 알았다')
      return { modelId: 'x' }
    })
    expect(store.runs.get(id)).toMatchObject({ state: 'running', title: '모델 가져오기', endedAt: null })
    const last = await ended
    expect(seen).toMatchObject([{ id, state: 'running' }])
    expect(last).toMatchObject({ state: 'done', done: 100, total: 120, result: { modelId: 'x' }, error: null })
    expect(last.endedAt).toBeGreaterThanOrEqual(last.startedAt)
    expect(store.runs.get(id)).toMatchObject({ state: 'done', title: '이름을 알았다', parameters: { path: '/모델' } })
    expect(jobs.list(9)).toEqual([last])
  })

  it('keeps the message of its failure', async () => {
    const { jobs } = runner()
    const { ended } = jobs.start(spec(), async () => {
      throw new Error('디스크가 가득 찼다')
    })
    expect(await ended).toMatchObject({ state: 'failed', error: '디스크가 가득 찼다', result: null })
  })

  it('is cancelled within a second, heedful or not', async () => {
    const { store, jobs } = runner()
    const heedful = jobs.start(spec(), (_handle, signal) => untilAborted(signal))
    const deaf = jobs.start(spec(), async (handle) => {
      await sleep(1500)
      handle.progress(99)
      return { late: true }
    })
    await sleep(20)
    const start = performance.now()
    jobs.cancel(heedful.id)
    expect((await heedful.ended).state).toBe('cancelled')
    expect(performance.now() - start).toBeLessThan(500)
    jobs.cancel(deaf.id)
    expect((await deaf.ended).state).toBe('cancelled')
    expect(performance.now() - start).toBeLessThan(1100)
    await sleep(700)
    expect(store.runs.get(deaf.id)).toMatchObject({ state: 'cancelled', done: 0, result: null })
    jobs.cancel(deaf.id)
    expect(() => jobs.cancel('nobody')).toThrow(/no job/)
  })

  it('that gets done in spite of a cancel is done; one cancelled before it began never begins', async () => {
    const { jobs } = runner()
    const late = jobs.start(spec(), async () => sleep(50, { kept: 1 }))
    await sleep(10)
    jobs.cancel(late.id)
    expect(await late.ended).toMatchObject({ state: 'done', result: { kept: 1 } })
    let began = false
    const early = jobs.start(spec(), async () => {
      began = true
      return null
    })
    jobs.cancel(early.id)
    expect(await early.ended).toMatchObject({ state: 'cancelled', result: null })
    expect(began).toBe(false)
  })

  it('is marked interrupted when the host stops, and no more is started', async () => {
    const { jobs } = runner()
    const { ended } = jobs.start(spec(), (_handle, signal) => untilAborted(signal))
    const start = performance.now()
    await jobs.close()
    expect(performance.now() - start).toBeLessThan(500)
    expect((await ended).state).toBe('interrupted')
    expect(() => jobs.start(spec(), async () => null)).toThrow(/shutting down/)
  })

  it('is repeated with the parameters it had', async () => {
    const { jobs } = runner()
    const handlers = jobHandlers(jobs)
    const context = { signal: new AbortController().signal }
    const first = jobs.start(spec(), async () => null)
    await expect(handlers.jobsRepeat({ id: first.id }, context)).rejects.toThrow(/still running/)
    await first.ended
    await expect(handlers.jobsRepeat({ id: first.id }, context)).rejects.toThrow(/cannot be started again/)
    jobs.onRepeat('import', (parameters) => jobs.start(spec({ parameters, title: 'again' }), async () => null).id)
    const { jobId } = await handlers.jobsRepeat({ id: first.id }, context)
    expect(jobs.list(1)).toMatchObject([{ id: jobId, title: 'again', parameters: { path: '/모델' } }])
    await expect(handlers.jobsRepeat({ id: 'nobody' }, context)).rejects.toThrow(/no job/)
  })
})

describe('followers', () => {
  it('hear of running jobs at once and of every change, four times a second at most', async () => {
    const { jobs } = runner()
    const { ended } = jobs.start(spec({ total: 1000 }), async (handle) => {
      for (let done = 0; done <= 1000; done += 5) {
        handle.progress(done)
        await sleep(5)
      }
      return null
    })
    const early = listen(jobs)
    await sleep(600)
    const late = listen(jobs)
    await ended
    await sleep(20)
    early.leave()
    late.leave()
    await Promise.all([early.ended, late.ended])
    expect(late.heard[0].state.done).toBeGreaterThan(0)
    for (const { heard } of [early, late]) {
      expect(heard.at(-1)!.state).toMatchObject({ state: 'done', done: 1000, ratePerSecond: null })
      const seconds = (heard.at(-1)!.at - heard[0].at) / 1000
      expect(heard.length).toBeGreaterThan(2)
      // Beside those in time: the state at once, one that was due already, and the end.
      expect(heard.length).toBeLessThanOrEqual(4 * seconds + 3)
    }
    const measured = early.heard.map((h) => h.state.ratePerSecond).filter((r) => r !== null)
    expect(measured.at(-1)).toBeGreaterThan(300)
    expect(measured.at(-1)).toBeLessThan(1100)
    const inTime = early.heard.filter((h) => h.state.remainingMs !== null)
    expect(inTime.at(-1)!.state.remainingMs).toBeLessThan(inTime[0].state.remainingMs!)
  })

  it('that are slow get the latest state of each job', async () => {
    const { jobs } = runner()
    const controller = new AbortController()
    const stream = jobs.follow(controller.signal)
    const first = stream.next()
    const started = [1, 2, 3].map((n) =>
      jobs.start(spec({ title: `${n}` }), async (handle) => {
        handle.progress(n)
        return null
      }),
    )
    await first
    await Promise.all(started.map((s) => s.ended))
    const rest = [await stream.next(), await stream.next(), await stream.next()].map((r) => r.value as Job)
    expect(rest.every((s) => s.state === 'done')).toBe(true)
    const waiting = stream.next()
    controller.abort()
    expect((await waiting).done).toBe(true)
  })
})
