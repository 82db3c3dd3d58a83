import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { type ModelSummary } from '../../shared/contract/models'
import { useClient } from '../api'
import { useSettings } from './settings'

export const writesText = (model: ModelSummary) => !model.encoder

/** The library of models. */
export const useModels = defineStore('models', () => {
  const client = useClient()
  const settings = useSettings()
  const models = ref<ModelSummary[]>([])
  const loaded = ref(false)
  const failure = ref<unknown>(null)

  async function refresh() {
    try {
      models.value = await client.api.models.list({})
      loaded.value = true
      failure.value = null
    } catch (thrown) {
      failure.value = thrown
    }
  }

  async function importPath(path: string): Promise<ModelSummary> {
    const model = await client.api.models.import({ path })
    await refresh()
    return model
  }

  async function remove(id: string, deleteFiles: boolean) {
    await client.api.models.remove({ id, deleteFiles })
    await refresh()
  }

  const byId = (id: string | null) => models.value.find((m) => m.id === id) ?? null
  /** Models that can answer. */
  const usable = computed(() => models.value.filter((m) => m.available && writesText(m)))

  /** The model that answers where a conversation names none. */
  const defaultModel = computed(
    () =>
      usable.value.find((m) => m.id === settings.settings?.defaultModelId) ??
      usable.value.find((m) => m.source === 'bundled' && m.chat) ??
      usable.value.find((m) => m.chat) ??
      usable.value[0] ??
      null,
  )

  client.onState((state) => {
    if (state === 'ready') void refresh()
  })

  return { models, loaded, failure, usable, defaultModel, byId, refresh, importPath, remove }
})
