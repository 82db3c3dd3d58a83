import { ref } from 'vue'

/** Like `useAttempt`, where what goes wrong has a place of its own: beside what was typed, which stays. */
export function useAttemptHere() {
  const busy = ref(false)
  const failure = ref<unknown>(null)

  /** Answers whether it succeeded. */
  async function attempt(work: () => Promise<unknown>): Promise<boolean> {
    busy.value = true
    failure.value = null
    try {
      await work()
      return true
    } catch (thrown) {
      failure.value = thrown
      return false
    } finally {
      busy.value = false
    }
  }
  return { busy, failure, attempt }
}
