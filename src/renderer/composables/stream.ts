import { ref, type Ref, shallowRef } from 'vue'
import { toMoruError } from '../../shared/errors'

type ProgressOf<E extends { kind: string }> = Extract<E, { kind: 'progress' }>

/** Work that the host answers with events: how far it is, and its end. One at a time. */
export function useStream<E extends { kind: string }>() {
  const busy = ref(false)
  const progress = shallowRef(null) as Ref<ProgressOf<E> | null>
  let abort: AbortController | null = null

  /**
   * Hands every event but progress to `onEvent`. Answers whether the work came to its end, false where it was stopped.
   *
   * @throws what the host throws
   */
  async function run(
    start: (signal: AbortSignal) => AsyncIterable<E>,
    onEvent: (event: Exclude<E, ProgressOf<E>>) => void = () => {},
  ): Promise<boolean> {
    const { signal } = (abort = new AbortController())
    busy.value = true
    progress.value = null
    try {
      for await (const event of start(signal))
        if (event.kind === 'progress') progress.value = event as ProgressOf<E>
        else onEvent(event as Exclude<E, ProgressOf<E>>)
      return true
    } catch (thrown) {
      if (toMoruError(thrown).code === 'cancelled') return false
      throw thrown
    } finally {
      busy.value = false
      progress.value = null
    }
  }

  return { busy, progress, run, stop: () => abort?.abort() }
}
