import { describe, expect, it } from 'vitest'
import { forgetUnusedWords, removeCollection } from '../../../../src/main/rag/indexing/remove'
import { openStore, type Store } from '../../../../src/main/store'
import { temporaryStore } from '../../store/temporary-profile'
import { temporaryFolder } from './knowledge-fixture'

const { signal } = new AbortController()

/** Documents of one chunk each; every one has a word of its own and one that all have. */
function filled(store: Store, documents: number): { id: string; seq: number; own: string[] } {
  const { id } = store.collections.create('many', {}, 'words')
  const own = Array.from({ length: documents }, (_, i) => {
    const text = `own${i} common`
    const terms = {
      words: new Map([
        [`own${i}`, 1],
        ['common', 1],
      ]),
    }
    const file = { path: `/${i}`, title: '', type: 'text', sizeBytes: 9, changedAt: 0, contentHash: null }
    const place = { start: 0, end: text.length, page: null, headings: [] }
    const chunk = { ...place, text, tokens: 2, language: 'en' as const, terms }
    return store.documents.save(id, file, { language: 'en', text, chunks: [chunk] }).id
  })
  return { id, seq: store.collections.searchState(id).seq, own }
}

describe('removing', () => {
  it('forgets the words that went with their documents, and no others', async () => {
    const store = temporaryStore()
    const { seq, own } = filled(store, 5)
    for (const id of own.slice(0, 3)) store.documents.remove(id)
    expect(await forgetUnusedWords(store, seq, signal)).toBe(3)
    const kept = ['own0', 'own2', 'own3', 'own4', 'common'].map((word) => store.terms.find(seq, word) !== null)
    expect(kept).toEqual([false, false, true, true, true])
    expect(await forgetUnusedWords(store, seq, signal)).toBe(0)
  })

  it('empties a collection a portion at a time, while others are answered', async () => {
    const store = temporaryStore()
    const { id, seq } = filled(store, 1200)
    let turns = 0
    const others = setInterval(() => turns++, 0)
    await removeCollection(store, id)
    clearInterval(others)
    expect(turns).toBeGreaterThan(2)
    expect(store.collections.list()).toEqual([])
    expect(store.terms.words(seq, 0, 1)).toEqual([])
  })

  it('of a collection goes on where a portion was the last thing done', async () => {
    const folder = temporaryFolder()
    const first = openStore(folder)
    const { id } = filled(first, 300)
    expect(first.collections.removePortion(id, 250)).toBe(250)
    first.close()
    const store = temporaryStore(folder)
    expect(store.collections.get(id).documents).toBe(50)
    await removeCollection(store, id)
    expect(() => store.collections.get(id)).toThrow(/no collection/)
  })
})
