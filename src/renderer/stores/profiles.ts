import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import { type EventOf, type InputOf, type OutputOf } from '../../shared/contract'
import { type Timeline, type profilerGet, type profilerList, type profilerRun } from '../../shared/contract/profiler'
import { toMoruError } from '../../shared/errors'
import { useClient } from '../api'

export type Profile = OutputOf<typeof profilerGet>
type ProfileSummary = OutputOf<typeof profilerList>[number]
type Stage = Extract<EventOf<typeof profilerRun>, { kind: 'progress' }>['stage']

/** Profiles of the run history, and the one that is being made. */
export const useProfiles = defineStore('profiles', () => {
  const client = useClient()
  const { api } = client
  const list = ref<ProfileSummary[]>([])
  const loaded = ref(false)
  const failure = ref<unknown>(null)
  const stage = ref<Stage | null>(null)
  const reports = shallowRef(new Map<string, Profile>())
  const timelines = new Map<string, Timeline>()
  let abort: AbortController | null = null

  async function refresh() {
    try {
      list.value = await api.profiler.list({})
      failure.value = null
    } catch (thrown) {
      failure.value = thrown
    } finally {
      loaded.value = true
    }
  }

  async function get(runId: string): Promise<Profile> {
    const known = reports.value.get(runId)
    if (known) return known
    const report = await api.profiler.get({ runId })
    reports.value = new Map(reports.value).set(runId, report)
    return report
  }

  async function timeline(runId: string): Promise<Timeline> {
    const known = timelines.get(runId) ?? (await api.profiler.timeline({ runId }))
    timelines.set(runId, known)
    return known
  }

  /** Profiles a prompt. Answers the run's id, or null when it was cancelled. Throws what the host says. */
  async function run(input: InputOf<typeof profilerRun>): Promise<string | null> {
    const mine = (abort = new AbortController())
    stage.value = 'load'
    try {
      for await (const event of api.profiler.run(input, { signal: mine.signal })) {
        if (event.kind === 'progress') stage.value = event.stage
        else {
          await refresh()
          return event.runId
        }
      }
      return null
    } catch (thrown) {
      if (toMoruError(thrown).code === 'cancelled') return null
      throw thrown
    } finally {
      stage.value = null
    }
  }

  const cancel = () => abort?.abort()
  client.onState((state) => {
    if (state === 'ready') void refresh()
  })

  return { list, loaded, failure, stage, get, timeline, run, cancel }
})
