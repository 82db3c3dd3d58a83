import { watchThrottled } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { type InputOf } from '../../shared/contract'
import { type Job } from '../../shared/contract/jobs'
import { type Collection, type collectionsCreate, type collectionsUpdate } from '../../shared/contract/knowledge'
import { useClient } from '../api'
import { useJobs } from './jobs'

/** While a job writes, what is shown is fetched again this often. */
const refreshMs = 1_000

/** The collections of documents, kept up to date with the jobs that work on them. */
export const useCollections = defineStore('collections', () => {
  const client = useClient()
  const { api } = client
  const jobs = useJobs()
  const collections = ref<Collection[]>([])
  const loaded = ref(false)
  const failure = ref<unknown>(null)
  /** Rises whenever what is in a collection may have changed. */
  const changes = ref(0)
  let asked = 0

  async function refresh() {
    const mine = ++asked
    try {
      const found = await api.collections.list({})
      if (mine !== asked) return
      collections.value = found
      loaded.value = true
      failure.value = null
      changes.value += 1
    } catch (thrown) {
      if (mine === asked) failure.value = thrown
    }
  }

  /** Jobs that index, the newest first. */
  const indexing = computed(() => [...jobs.running, ...jobs.ended].filter((job) => job.kind === 'index'))
  const jobsOf = (id: string): Job[] => indexing.value.filter((job) => job.parameters.collectionId === id)

  watchThrottled(
    () => indexing.value.map((job) => `${job.id} ${job.state} ${job.done}`).join(),
    () => void refresh(),
    { throttle: refreshMs, trailing: true },
  )

  const byId = (id: string) => collections.value.find((collection) => collection.id === id) ?? null

  async function create(input: InputOf<typeof collectionsCreate>): Promise<Collection> {
    const created = await api.collections.create(input)
    await refresh()
    return created
  }

  async function update(input: InputOf<typeof collectionsUpdate>) {
    await api.collections.update(input)
    await refresh()
  }

  async function remove(id: string) {
    await api.collections.remove({ id })
    await refresh()
  }

  client.onState((state) => {
    if (state === 'ready') void refresh()
  })

  return { collections, loaded, failure, changes, refresh, jobsOf, byId, create, update, remove }
})
