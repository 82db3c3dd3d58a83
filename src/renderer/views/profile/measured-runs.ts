import { computed, ref } from 'vue'
import { type Job } from '../../../shared/contract/jobs'
import { useJobs } from '../../stores/jobs'

/** Finished jobs of one kind with their reports, newest first, and the one that is looked at: the newest, until another is chosen. */
export function useMeasuredRuns<Report>(kind: Job['kind'], reportOf: (job: Job) => Report | undefined) {
  const jobs = useJobs()
  const runs = computed(() =>
    jobs.ended.flatMap((job) => {
      const report = job.kind === kind && job.state === 'done' ? reportOf(job) : undefined
      return report === undefined ? [] : [{ id: job.id, startedAt: job.startedAt, title: job.title, report }]
    }),
  )
  const asked = ref<string | null>(null)
  const run = computed(() => runs.value.find(({ id }) => id === asked.value) ?? runs.value[0] ?? null)
  /** Its id; '' where there is none. */
  const chosen = computed({ get: () => run.value?.id ?? '', set: (id) => (asked.value = id) })

  /** What was just measured is looked at. */
  async function showNewest() {
    await jobs.loadHistory()
    asked.value = null
  }
  return { runs, run, chosen, showNewest }
}
