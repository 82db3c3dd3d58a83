import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { defineComponent, h, ref } from 'vue'
import { useFollowEnd } from '../../src/renderer/composables/follow-end'

const lines = ref(40)
let frame: HTMLElement
let wrapper: ReturnType<typeof mount>

const scroller = defineComponent({
  setup(_, { expose }) {
    const outer = ref<HTMLElement | null>(null)
    const inner = ref<HTMLElement | null>(null)
    expose(useFollowEnd(outer, inner))
    return () =>
      h('div', { ref: outer, style: { height: '200px', overflowY: 'auto' } }, [
        h(
          'div',
          { ref: inner },
          Array.from({ length: lines.value }, (_, i) =>
            h('p', { key: i, style: { height: '20px', margin: 0 } }, `line ${i}`),
          ),
        ),
      ])
  },
})
const settled = () =>
  new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve, 20))))
const distance = () => frame.scrollHeight - frame.scrollTop - frame.clientHeight

beforeEach(async () => {
  lines.value = 40
  wrapper = mount(scroller, { attachTo: document.body })
  frame = wrapper.element as HTMLElement
  await settled()
})
afterEach(() => wrapper.unmount())

async function grow() {
  for (let i = 0; i < 10; i += 1) {
    lines.value += 3
    await settled()
  }
}

test('a reader at the end stays at the end while it grows', async () => {
  await grow()
  expect(distance()).toBeLessThan(2)
})

test('a reader who scrolled up is left where they are', async () => {
  frame.scrollTop = 100
  await settled()
  await grow()
  expect(frame.scrollTop).toBe(100)
})

test('turning the wheel up leaves at once, even by a little', async () => {
  frame.dispatchEvent(new WheelEvent('wheel', { deltaY: -4 }))
  frame.scrollTop -= 4
  const at = frame.scrollTop
  await grow()
  expect(frame.scrollTop).toBe(at)
})

test('coming back to the end follows again', async () => {
  frame.scrollTop = 100
  await settled()
  frame.scrollTop = frame.scrollHeight
  await settled()
  await grow()
  expect(distance()).toBeLessThan(2)
})
