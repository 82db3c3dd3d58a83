import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { reactive } from 'vue'
import { TooltipProvider } from 'reka-ui'
import { defineComponent, h } from 'vue'
import ChatComposer from '../../src/renderer/views/chat/chat-composer.vue'
import { attachmentLimit, decodeText } from '../../src/renderer/views/chat/attachments'
import { type Draft } from '../../src/renderer/stores/drafts'
import { place } from './mount'

let draft: Draft
let sent: number
let wrapper: ReturnType<typeof place>
let area: HTMLTextAreaElement

beforeEach(() => {
  draft = reactive<Draft>({ text: '', attachments: [] })
  sent = 0
  const holder = defineComponent({
    setup: () => () =>
      h(TooltipProvider, () =>
        h(ChatComposer, { draft, writing: false, sending: false, canSend: true, onSend: () => (sent += 1) }),
      ),
  })
  wrapper = place(holder, {})
  area = wrapper.get('textarea').element
})
afterEach(() => wrapper.unmount())

function type(text: string) {
  area.value = text
  area.dispatchEvent(new InputEvent('input', { bubbles: true, data: text, isComposing: true }))
}
/** Whether the browser would still insert the line break. */
const enter = (init: KeyboardEventInit = {}) =>
  area.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...init }))

test('Enter sends, Shift+Enter breaks the line', () => {
  type('hello')
  expect(enter({ shiftKey: true })).toBe(true)
  expect(sent).toBe(0)
  expect(enter()).toBe(false)
  expect(sent).toBe(1)
})

test('Enter sends nothing when there is nothing', () => {
  type(' \n ')
  enter()
  expect(sent).toBe(0)
})

test('Enter that ends a Hangul syllable does not send, the next one does', () => {
  area.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }))
  area.dispatchEvent(new CompositionEvent('compositionupdate', { bubbles: true, data: '하' }))
  type('안녕하')
  enter({ isComposing: true })
  enter({ keyCode: 229 })
  // Some input methods send a plain Enter while the syllable is still open.
  enter()
  expect(sent).toBe(0)
  expect(draft.text).toBe('안녕하')
  area.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true, data: '하' }))
  enter({ keyCode: 229 })
  expect(sent).toBe(0)
  enter()
  expect(sent).toBe(1)
})

test('the draft follows every keystroke of a composition', () => {
  area.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }))
  for (const step of ['ㅎ', '하', '한']) {
    type(step)
    expect(draft.text).toBe(step)
  }
})

function drop(...files: File[]) {
  const data = new DataTransfer()
  for (const file of files) data.items.add(file)
  wrapper
    .get('form')
    .element.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: data }))
}

test('dropped text files are attached, with their size said, and can be taken off', async () => {
  drop(new File(['# 제목\n'], '노트.md'), new File(['a,b\n'], 'table.csv'))
  await expect.poll(() => draft.attachments.length).toBe(2)
  await flushPromises()
  expect(wrapper.text()).toContain('노트.md')
  expect(wrapper.text()).toContain('5 characters')
  await wrapper.get('button[aria-label="Remove 노트.md"]').trigger('click')
  expect(draft.attachments.map((a) => a.name)).toEqual(['table.csv'])
})

test('files that are no text or too large are refused by name, and what was typed stays', async () => {
  type('my question')
  drop(
    new File([new Uint8Array([0x89, 0x50, 0, 0, 1, 2])], 'cat.png'),
    new File(['x'.repeat(attachmentLimit + 1)], 'big.txt'),
  )
  await expect.poll(() => wrapper.findAll('[role="alert"] li').length).toBe(2)
  expect(wrapper.get('[role="alert"]').text()).toContain('cat.png is not a text file')
  expect(wrapper.get('[role="alert"]').text()).toContain('big.txt is too large. A file may have up to 2,000,000')
  expect(draft).toEqual({ text: 'my question', attachments: [] })
})

test('Korean text files are read in UTF-8, UTF-16 and CP949', () => {
  const text = '똠방각하 펲시콜라'
  const utf16 = new Uint8Array([0xff, 0xfe, ...[...text].flatMap((c) => [c.charCodeAt(0) & 255, c.charCodeAt(0) >> 8])])
  const cp949 = new Uint8Array([0x8c, 0x63, 0xb9, 0xe6, 0xb0, 0xa2, 0xc7, 0xcf, 0x20, 0xc5, 0xbb, 0xbd, 0xc3])
  expect(decodeText(new TextEncoder().encode(text))).toBe(text)
  expect(decodeText(utf16)).toBe(text)
  expect(decodeText(cp949)).toMatch(/^똠방각하 .시$/)
  expect(decodeText(new Uint8Array([1, 0, 2]))).toBeNull()
})
