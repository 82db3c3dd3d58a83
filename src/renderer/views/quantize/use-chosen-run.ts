import { computed } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { useQuantize } from '../../stores/quantize'

/** The run that a tab looks at; in the address, so that reload and back keep it. The newest where none is named. */
export function useChosenRun() {
  const route = useRoute()
  const router = useRouter()
  const quantize = useQuantize()
  const usable = computed(() => quantize.runs.filter((run) => run.available))
  const jobId = computed({
    get: () => {
      const asked = route.query.run
      return usable.value.find((run) => run.jobId === asked)?.jobId ?? usable.value[0]?.jobId ?? null
    },
    set: (run: string | null) => void router.replace({ query: { ...route.query, run: run ?? undefined } }),
  })
  const run = computed(() => usable.value.find((each) => each.jobId === jobId.value) ?? null)
  const models = computed<[string, string] | null>(() => run.value && [run.value.source.path, run.value.result.path])
  return { jobId, run, models }
}
