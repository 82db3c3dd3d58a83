/** A conversation as a file for people (Markdown: what is on view) or programs (JSON: everything). */
import { type Conversation, type Message } from '../../shared/contract/chat'
import { withAttachments } from './prompt'

/** The messages from the root to `leafId`, [] for null. Messages come as stored, parents before children. */
export function pathTo(messages: Message[], leafId: string | null): Message[] {
  const byId = new Map(messages.map((m) => [m.id, m]))
  const path: Message[] = []
  for (let at = leafId && byId.get(leafId); at; at = at.parentId && byId.get(at.parentId)) path.push(at)
  return path.reverse()
}

export function exportConversation(conversation: Conversation, messages: Message[], format: 'markdown' | 'json') {
  const name = fileNameFrom(conversation.title)
  if (format === 'json')
    return {
      fileName: `${name}.json`,
      text: `${JSON.stringify({ format: 'moru.conversation', version: 1, conversation, messages }, null, 2)}\n`,
    }
  const { systemPrompt } = conversation.settings
  const parts = [
    `# ${conversation.title.replace(/\s+/g, ' ') || 'Moru'}`,
    ...(systemPrompt.trim() === '' ? [] : [quoted(systemPrompt)]),
    ...pathTo(messages, conversation.currentMessageId).map(section),
  ]
  return { fileName: `${name}.md`, text: `${parts.join('\n\n')}\n` }
}

function section(message: Message): string {
  if (message.role === 'user') return `## User\n\n${withAttachments(message.text, message.attachments)}`
  const by = message.modelId === null ? '' : ` (${message.modelId})`
  const reasoning = message.reasoning === null ? '' : `${quoted(message.reasoning)}\n\n`
  return `## Assistant${by}\n\n${reasoning}${message.text}${sourceList(message)}`
}

/** What the markers of an answer stand for. */
function sourceList({ sources }: Message): string {
  if (!sources || sources.citations.length === 0) return ''
  const lines = sources.citations.map(({ marker, title, path, place }) => {
    const where = [...place.headings, ...(place.page === null ? [] : [`p. ${place.page}`])].join(' > ')
    return `- [${marker}] ${title}${where ? `, ${where}` : ''} (${path})`
  })
  return `\n\n${lines.join('\n')}`
}

const quoted = (text: string) =>
  text
    .split('\n')
    .map((line) => `> ${line}`.trimEnd())
    .join('\n')

/** A name that every file system takes. */
function fileNameFrom(title: string): string {
  const safe = title
    .replace(/[\p{Cc}\p{Cf}<>:"/\\|?*]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^\.+|[. ]+$/g, '')
  return [...safe].slice(0, 60).join('').trim() || 'conversation'
}
