import { defineStore } from 'pinia'
import { ref } from 'vue'
import { useClient } from '../api'

/** Whether the host is there, and whether it ever was. */
export const useConnection = defineStore('connection', () => {
  const ready = ref(false)
  const everReady = ref(false)
  useClient().onState((state) => {
    ready.value = state === 'ready'
    if (ready.value) everReady.value = true
  })
  return { ready, everReady }
})
