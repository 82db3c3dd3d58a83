/** Calibration texts out of what the person has in the profile. */
import { type Store } from '../store'
import { type TextSources } from './calibration-text'

/** More than any calibration reads. */
const mostCharacters = 4_000_000

export function textSources(
  store: Pick<Store, 'collections' | 'documents' | 'conversations' | 'messages'>,
  bundledFolder: string,
): TextSources {
  return {
    bundledFolder,
    collection: (id) => {
      store.collections.get(id)
      return joined(store.documents.known(id), (document) => store.documents.content(document.id).text)
    },
    conversations: () =>
      joined(store.conversations.list('', 1000), ({ id }) =>
        store.messages
          .list(id)
          .map((message) => message.text)
          .join('\n\n'),
      ),
  }
}

function joined<T>(parts: readonly T[], textOf: (part: T) => string): string {
  let text = ''
  for (const part of parts) {
    if (text.length >= mostCharacters) break
    text += `${textOf(part)}\n\n`
  }
  return text.trim()
}
