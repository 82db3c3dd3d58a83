import { defineStore } from 'pinia'
import { ref } from 'vue'
import { type EngineStatus } from '../../shared/contract/engine'
import { type LoadSettings } from '../../shared/contract/sampling'
import { useClient } from '../api'
import { followForever } from '../api/follow'

/** What the engine is doing, and loading a model by hand. */
export const useEngine = defineStore('engine', () => {
  const client = useClient()
  const status = ref<EngineStatus | null>(null)
  /** The load that was started here. */
  const loading = ref<{ modelId: string; loadedBytes: number; totalBytes: number; bytesPerSecond: number } | null>(null)
  let abort: AbortController | null = null

  followForever(
    client,
    () => client.api.engine.follow({}),
    (event) => {
      status.value = event
    },
  )

  /** Loads a model; ends when it is loaded, throws when it cannot be. */
  async function load(modelId: string, settings: LoadSettings) {
    abort?.abort()
    const mine = (abort = new AbortController())
    loading.value = { modelId, loadedBytes: 0, totalBytes: 0, bytesPerSecond: 0 }
    try {
      for await (const event of client.api.models.load({ id: modelId, load: settings }, { signal: mine.signal }))
        if (abort === mine) loading.value = { modelId, ...event }
    } finally {
      if (abort === mine) loading.value = null
    }
  }

  const cancelLoad = () => abort?.abort()
  const unload = () => client.api.models.unload({})

  return { status, loading, load, cancelLoad, unload }
})
