/** The list of traces: pages from the host, and what happens now on top of them. */
import { onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { type TraceFilter, type TraceSummary } from '../../../shared/contract/traces'
import { useClient } from '../../api'
import { followForever } from '../../api/follow'

const pageSize = 200

export function useTraceFeed(filter: Ref<TraceFilter>, live: Ref<boolean>) {
  const client = useClient()
  const traces = shallowRef<TraceSummary[]>([])
  const count = ref<{ value: number; more: boolean } | null>(null)
  const failure = ref<unknown>(null)
  const loading = ref(true)
  /** Nothing older is left. */
  let complete = false
  let asked = 0

  /** From the top, as many rows as are there. */
  async function reload() {
    const mine = ++asked
    try {
      const limit = Math.min(1000, Math.max(pageSize, traces.value.length))
      const found = await client.api.traces.list({ filter: filter.value, limit, counted: true })
      if (mine !== asked) return
      traces.value = found.traces
      count.value = found.count
      complete = found.traces.length < limit
      failure.value = null
    } catch (thrown) {
      if (mine === asked) failure.value = thrown
    }
    if (mine === asked) loading.value = false
  }

  async function loadMore() {
    const last = traces.value.at(-1)
    if (loading.value || complete || !last) return
    loading.value = true
    const mine = asked
    try {
      const found = await client.api.traces.list({ filter: filter.value, before: last.seq, limit: pageSize })
      if (mine === asked) traces.value = [...traces.value, ...found.traces]
      if (mine === asked) complete = found.traces.length < pageSize
    } catch (thrown) {
      failure.value = thrown
    }
    loading.value = false
  }

  watch(filter, () => {
    traces.value = []
    loading.value = true
    void reload()
  })

  void reload()
  onScopeDispose(
    followForever(
      client,
      (signal) => client.api.traces.follow({}, { signal }),
      async (event) => {
        if (live.value || event.kind === 'removed') await reload()
      },
    ),
  )
  watch(live, (now) => now && void reload())
  return { traces, count, failure, loading, reload, loadMore }
}
