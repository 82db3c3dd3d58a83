import { useMediaQuery, useStorage } from '@vueuse/core'
import { computed, ref } from 'vue'

/** Whether the list of conversations and the settings are shown; on narrow windows they float over the chat. */
export function usePanels() {
  const wantsList = useStorage('moru.chat.list', true)
  const wantsPanel = useStorage('moru.chat.panel', true)
  const roomForList = useMediaQuery('(min-width: 760px)')
  const roomForPanel = useMediaQuery('(min-width: 1000px)')
  const floatList = ref(false)
  const floatPanel = ref(false)

  return {
    list: computed(() => (roomForList.value ? wantsList.value : floatList.value)),
    panel: computed(() => (roomForPanel.value ? wantsPanel.value : floatPanel.value)),
    floatingList: computed(() => !roomForList.value),
    floatingPanel: computed(() => !roomForPanel.value),
    toggleList() {
      if (roomForList.value) wantsList.value = !wantsList.value
      else floatList.value = !floatList.value
    },
    togglePanel() {
      if (roomForPanel.value) wantsPanel.value = !wantsPanel.value
      else floatPanel.value = !floatPanel.value
    },
    /** Puts away what floats over the chat. */
    closeFloating() {
      floatList.value = false
      floatPanel.value = false
    },
  }
}
