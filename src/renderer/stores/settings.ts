import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { type InputOf } from '../../shared/contract'
import { loadSettings, type LoadSettings } from '../../shared/contract/sampling'
import { type Settings, type settingsUpdate } from '../../shared/contract/settings'
import { useClient } from '../api'
import { applyTheme, rememberLook, resolveLanguage } from '../composables/look'

type SettingsPatch = InputOf<typeof settingsUpdate>

/** The product's settings as the host keeps them; language and theme take effect as they change. */
export const useSettings = defineStore('settings', () => {
  const client = useClient()
  const api = client.api
  const { locale } = useI18n({ useScope: 'global' })
  const settings = ref<Settings | null>(null)

  async function refresh() {
    settings.value = await api.settings.get({})
  }

  async function update(patch: SettingsPatch) {
    settings.value = await api.settings.update(patch)
  }

  async function setHubToken(token: string | null) {
    settings.value = await api.settings.setHubToken({ token })
  }

  /** What a model is loaded with: what was chosen for it, else the product's defaults. */
  function loadOf(modelId: string): LoadSettings {
    return settings.value?.load[modelId] ?? loadSettings.parse({})
  }

  const saveLoad = (modelId: string, load: LoadSettings) =>
    update({ load: { ...settings.value?.load, [modelId]: load } })

  const look = computed(() =>
    settings.value ? { language: settings.value.language, theme: settings.value.theme } : null,
  )
  watch(look, (now) => {
    if (!now) return
    rememberLook(now)
    applyTheme(now.theme)
    locale.value = resolveLanguage(now.language)
  })
  client.onState((state) => {
    if (state === 'ready') void refresh()
  })

  return { settings, refresh, update, setHubToken, loadOf, saveLoad }
})
