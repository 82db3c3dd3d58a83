/** What the host answers for the routes jobs.*, keyed by the names under which the contract exports them. */
import { type Contract, type EventOf, type OutputOf, type ParsedInputOf } from '../../shared/contract'
import { type JobRunner } from './job-runner'

interface Context {
  signal: AbortSignal
}
type Input<K extends keyof Contract> = ParsedInputOf<Contract[K]>
type Output<K extends keyof Contract> = Promise<OutputOf<Contract[K]>>

export function jobHandlers(jobs: JobRunner) {
  return {
    jobsFollow: (_input: Input<'jobsFollow'>, { signal }: Context): AsyncIterable<EventOf<Contract['jobsFollow']>> =>
      jobs.follow(signal),
    jobsList: async ({ limit }: Input<'jobsList'>): Output<'jobsList'> => jobs.list(limit),
    jobsCancel: async ({ id }: Input<'jobsCancel'>): Output<'jobsCancel'> => {
      jobs.cancel(id)
      return {}
    },
    jobsRepeat: async ({ id }: Input<'jobsRepeat'>): Output<'jobsRepeat'> => ({ jobId: await jobs.repeat(id) }),
  }
}
