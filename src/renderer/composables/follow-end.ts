import { useEventListener, useResizeObserver } from '@vueuse/core'
import { ref, type Ref } from 'vue'

/** Nearer to the end than this counts as being there. */
const nearPx = 16

/**
 * Keeps a scrolling element at its end while its content grows, for as long as the reader is there; a reader who has
 * moved away is left where they are.
 *
 * @param frame the element that scrolls
 * @param content what grows inside it
 */
export function useFollowEnd(frame: Ref<HTMLElement | null>, content: Ref<HTMLElement | null>) {
  const following = ref(true)

  function toEnd() {
    following.value = true
    if (frame.value) frame.value.scrollTop = frame.value.scrollHeight
  }

  function keep() {
    if (following.value && frame.value) frame.value.scrollTop = frame.value.scrollHeight
  }

  useResizeObserver(content, keep)
  useResizeObserver(frame, keep)
  useEventListener(frame, 'scroll', () => {
    const element = frame.value
    if (element) following.value = element.scrollHeight - element.scrollTop - element.clientHeight < nearPx
  })
  // A wheel turned up means to leave, before the scroll has gone far enough to tell.
  useEventListener(
    frame,
    'wheel',
    (event: WheelEvent) => {
      const element = frame.value
      if (element && event.deltaY < 0 && element.scrollTop > 0 && element.scrollHeight > element.clientHeight)
        following.value = false
    },
    { passive: true },
  )

  return { following, toEnd }
}
