import type { Message } from '../../../shared/contract/chat'

/** A message of the visible transcript and its place among its siblings. */
export interface PathEntry {
  message: Message
  /** All messages under the same parent, oldest first, this one among them. */
  siblings: Message[]
  index: number
}

const byAge = (a: Message, b: Message) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)

/** Messages by their parent (null: the first of a conversation), oldest first. */
function childrenByParent(messages: Iterable<Message>): Map<string | null, Message[]> {
  const children = new Map<string | null, Message[]>()
  for (const message of messages) {
    const siblings = children.get(message.parentId)
    if (siblings) siblings.push(message)
    else children.set(message.parentId, [message])
  }
  for (const siblings of children.values()) siblings.sort(byAge)
  return children
}

/** From the root to `leafId`. Empty where the leaf is unknown; a broken chain begins at its first known message. */
export function pathTo(messages: ReadonlyMap<string, Message>, leafId: string | null): PathEntry[] {
  const children = childrenByParent(messages.values())
  const path: PathEntry[] = []
  const seen = new Set<string>()
  for (let id = leafId; id !== null && !seen.has(id);) {
    const message = messages.get(id)
    if (!message) break
    seen.add(id)
    const siblings = children.get(message.parentId) ?? [message]
    path.push({ message, siblings, index: siblings.indexOf(message) })
    id = message.parentId
  }
  return path.reverse()
}

/** The leaf below `messageId` that stepping to it shows: the newest child of the newest child, and so on. */
export function newestLeaf(messages: ReadonlyMap<string, Message>, messageId: string): string {
  const children = childrenByParent(messages.values())
  let id = messageId
  for (let depth = 0; depth < messages.size; depth += 1) {
    const newest = children.get(id)?.at(-1)
    if (!newest) break
    id = newest.id
  }
  return id
}
