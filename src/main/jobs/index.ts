/** The job runner's public face. */
export { awaitJob, watchedJob, type WatchedWork } from './await-job'
export { ChangeNotice } from './change-notice'
export { jobHandlers } from './handlers'
export { JobRunner, type JobSpec, type JobWork, type Repeater, type StartedJob } from './job-runner'
export { type JobHandle } from './running-job'
export { Turnstile } from './turnstile'
