/** Removing much without holding up everybody else: a portion at a time, so that each takes milliseconds. */
import { readPostings, type Store } from '../../store'
import { pause } from '../pause'

/** Documents that go in one transaction; about 20 microseconds each. */
const documentsAtOnce = 250
/** Documents by name: each counts the version of the collection up. */
const namedAtOnce = 16
const rowsAtOnce = 1000

/** Removes documents by their ids. @throws cancelled */
export async function removeDocuments(store: Store, ids: readonly string[], signal: AbortSignal): Promise<void> {
  for (let at = 0; at < ids.length; at += namedAtOnce) {
    store.transaction(() => ids.slice(at, at + namedAtOnce).forEach((id) => store.documents.remove(id)))
    await pause(signal)
  }
}

/** Removes a collection with all that is in it. */
export async function removeCollection(store: Store, id: string): Promise<void> {
  while (store.collections.removePortion(id, documentsAtOnce) > 0) await pause()
  store.collections.remove(id)
}

/**
 * Forgets the words that no chunk of a collection has any more. Nothing may be added to the collection meanwhile.
 * @returns how many. @throws cancelled
 */
export async function forgetUnusedWords(store: Store, collectionSeq: number, signal: AbortSignal): Promise<number> {
  const used = new Set<number>()
  for (let after = 0; ; await pause(signal)) {
    const rows = store.terms.postings(collectionSeq, after, rowsAtOnce)
    if (rows.length === 0) break
    for (const { postings } of rows) readPostings(postings, (term) => used.add(term))
    after = rows[rows.length - 1].seq
  }
  let forgotten = 0
  for (let after = 0; ; await pause(signal)) {
    const words = store.terms.words(collectionSeq, after, rowsAtOnce)
    if (words.length === 0) return forgotten
    const unused = words.filter((seq) => !used.has(seq))
    store.terms.forget(unused)
    forgotten += unused.length
    after = words[words.length - 1]
  }
}
