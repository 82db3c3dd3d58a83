/** What the host answers for the routes jobs.*, keyed by the names under which the contract exports them. */
import { type HandlersFor } from '../../shared/contract/handlers'
import { type JobRunner } from './job-runner'

export function jobHandlers(jobs: JobRunner): HandlersFor<'jobsFollow' | 'jobsList' | 'jobsCancel' | 'jobsRepeat'> {
  return {
    jobsFollow: (_input, { signal }) => jobs.follow(signal),
    jobsList: async ({ limit }) => jobs.list(limit),
    jobsCancel: async ({ id }) => {
      jobs.cancel(id)
      return {}
    },
    jobsRepeat: async ({ id }) => ({ jobId: await jobs.repeat(id) }),
  }
}
