import { defineStore } from 'pinia'
import { ref } from 'vue'
import { type Hit } from '../../shared/contract/knowledge'

/** A document to be read, at the passage that is meant. */
export interface Reading {
  documentId: string
  /** What to mark; absent: the document from its beginning. */
  chunkId?: string
  /** The same, as it was when it was found. */
  passage?: Pick<Hit, 'chunkId' | 'place' | 'text' | 'path' | 'title'>
}

/** The document that is open beside whatever view is on screen. */
export const useReader = defineStore('reader', () => {
  const reading = ref<Reading | null>(null)
  const open = (next: Reading) => (reading.value = next)
  const close = () => (reading.value = null)
  return { reading, open, close }
})
