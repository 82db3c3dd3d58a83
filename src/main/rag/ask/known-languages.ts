/** In which languages the embedding models of collections tell passages apart. */
import { type Store } from '../../store'

/** Share of a collection's own passages that its model finds again first: below it, cosines say little. */
const knownFrom = 0.6

/** Languages that all of the collections know, as measured on their own passages. */
export function knownLanguages(store: Store, collectionIds: readonly string[]): ReadonlySet<'ko' | 'en' | 'other'> {
  const sets = collectionIds.map((id) => {
    const rows = store.collections.get(id).separation
    return new Set(rows.filter(({ hitAt1 }) => hitAt1 >= knownFrom).map(({ language }) => language))
  })
  return new Set([...sets[0]].filter((language) => sets.every((set) => set.has(language))))
}
