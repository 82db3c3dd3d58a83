import { useIntervalFn } from '@vueuse/core'
import { ref, type Ref } from 'vue'

/** The time now in milliseconds, as long as the component lives. */
export function useClock(everyMs: number): Ref<number> {
  const now = ref(Date.now())
  useIntervalFn(() => (now.value = Date.now()), everyMs)
  return now
}
