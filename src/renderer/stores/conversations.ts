import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { type OutputOf } from '../../shared/contract'
import { type conversationsList } from '../../shared/contract/chat'
import { useClient } from '../api'

export type ConversationRow = OutputOf<typeof conversationsList>[number]

/** The list of conversations, with the search typed over it. */
export const useConversations = defineStore('conversations', () => {
  const client = useClient()
  const rows = ref<ConversationRow[]>([])
  const search = ref('')
  const loaded = ref(false)
  const failure = ref<unknown>(null)
  let asked = 0

  /** Pinned first, then the newest; the host's order where it searched. */
  const ordered = computed(() =>
    [...rows.value].sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.updatedAt - a.updatedAt),
  )

  async function refresh() {
    const mine = ++asked
    try {
      const found = await client.api.conversations.list({ search: search.value.trim() })
      if (mine !== asked) return
      rows.value = found
      loaded.value = true
      failure.value = null
    } catch (thrown) {
      if (mine === asked) failure.value = thrown
    }
  }

  async function rename(id: string, title: string) {
    await client.api.conversations.update({ id, title })
    await refresh()
  }

  async function pin(id: string, pinned: boolean) {
    await client.api.conversations.update({ id, pinned })
    await refresh()
  }

  async function remove(id: string) {
    await client.api.conversations.remove({ id })
    rows.value = rows.value.filter((r) => r.id !== id)
  }

  async function restore(id: string) {
    await client.api.conversations.restore({ id })
    await refresh()
  }

  const exported = (id: string, format: 'markdown' | 'json') => client.api.conversations.export({ id, format })

  client.onState((state) => {
    if (state === 'ready') void refresh()
  })

  return { rows, ordered, search, loaded, failure, refresh, rename, pin, remove, restore, exported }
})
