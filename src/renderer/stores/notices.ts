import { defineStore } from 'pinia'
import { ref } from 'vue'

export interface Notice {
  id: number
  kind: 'info' | 'error'
  text: string
  detail?: string
  /** What can be done about it, once. */
  action?: { label: string; run: () => void }
}

const shownMs = 8_000

/** Short messages at the window's corner. Errors stay until they are closed. */
export const useNotices = defineStore('notices', () => {
  const notices = ref<Notice[]>([])
  let nextId = 1

  function close(id: number) {
    notices.value = notices.value.filter((n) => n.id !== id)
  }

  function show(notice: Omit<Notice, 'id' | 'kind'> & { kind?: Notice['kind'] }): number {
    const id = nextId++
    notices.value.push({ kind: 'info', ...notice, id })
    if (notice.kind !== 'error') setTimeout(() => close(id), shownMs)
    return id
  }

  return { notices, show, close }
})
