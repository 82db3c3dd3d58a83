import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { type Job } from '../../shared/contract/jobs'
import { useClient } from '../api'
import { followForever } from '../api/follow'
import { useModels } from './models'

/** Long work on the host: what runs now, and what ran before. */
export const useJobs = defineStore('jobs', () => {
  const client = useClient()
  const models = useModels()
  const jobs = ref(new Map<string, Job>())
  const running = computed(() => sorted().filter((j) => j.state === 'running'))
  /** The same array until one more has ended: the progress of others is no reason to look at these anew. */
  const ended = computed<Job[]>((before) => {
    const now = sorted().filter((j) => j.state !== 'running')
    return before?.length === now.length && now.every((job, i) => job === before[i]) ? before : now
  })

  function sorted() {
    return [...jobs.value.values()].sort((a, b) => b.startedAt - a.startedAt)
  }

  followForever(
    client,
    () => client.api.jobs.follow({}),
    (job) => {
      jobs.value.set(job.id, job)
      if (job.state === 'done' && job.kind !== 'bench') void models.refresh()
    },
  )

  /** Adds the run history, newest first. */
  async function loadHistory() {
    for (const job of await client.api.jobs.list({})) jobs.value.set(job.id, job)
  }

  const cancel = (id: string) => client.api.jobs.cancel({ id })
  const repeat = (id: string) => client.api.jobs.repeat({ id })

  client.onState((state) => {
    if (state === 'ready') void loadHistory()
  })

  return { jobs, running, ended, loadHistory, cancel, repeat }
})
