import { defineStore } from 'pinia'
import { reactive, watch } from 'vue'
import { type Message } from '../../shared/contract/chat'

export interface Draft {
  text: string
  attachments: Message['attachments']
}

/** The key of the draft for a conversation that is yet to be begun. */
export const newConversation = 'new'
const keyOf = (id: string) => `moru.draft.${id}`

/** What was typed and not sent, by conversation. Texts outlive a reload. */
export const useDrafts = defineStore('drafts', () => {
  const drafts = reactive(new Map<string, Draft>())

  function draftOf(id: string): Draft {
    if (!drafts.has(id)) {
      drafts.set(id, { text: localStorage.getItem(keyOf(id)) ?? '', attachments: [] })
      const draft = drafts.get(id) as Draft
      watch(
        () => draft.text,
        (text) => (text ? localStorage.setItem(keyOf(id), text) : localStorage.removeItem(keyOf(id))),
      )
    }
    return drafts.get(id) as Draft
  }

  function clear(id: string) {
    Object.assign(draftOf(id), { text: '', attachments: [] })
  }

  /** Hands a draft on to the conversation that was begun for it. */
  function move(from: string, to: string) {
    Object.assign(draftOf(to), { ...draftOf(from) })
    clear(from)
  }

  return { draftOf, clear, move }
})
