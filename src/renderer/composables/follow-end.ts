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
  /** Where the element stood when it scrolled last. */
  let top = 0

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
    if (!element) return
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < nearPx
    // Content that grew since has moved the end away, not the reader: only who goes up leaves.
    if (atEnd) following.value = true
    else if (element.scrollTop < top) following.value = false
    top = element.scrollTop
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
