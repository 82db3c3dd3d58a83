/** From a path of messages to the prompt: attachments, reasoning, the template, and what is dropped when it is too long. */
import { type ConversationSettings, type Message } from '../../shared/contract/chat'
import { MoruError } from '../../shared/errors'
import { chatUnsupported, opensReasoning, type TemplateMessage } from '../engine'
import { type Attachment } from '../store'
import { type ChatModel } from './generator'

/** A message as far as prompts go; `droppedMessages` of an answer: how many its own prompt left out. */
export type PathMessage = Pick<Message, 'role' | 'text' | 'reasoning' | 'attachments' | 'droppedMessages'>

export interface PromptRequest {
  settings: ConversationSettings
  /** From the root to the last message; ends with the message to be answered, unless nothing is to be written. */
  path: PathMessage[]
  /** An answer begun earlier, to go on with: it follows the path. */
  begun: { text: string; reasoning: string | null } | null
}

export interface Prompt {
  text: string
  ids: number[]
  /** How many of the path's messages it leaves out. */
  droppedMessages: number
  /** Whether the model is left inside a block of reasoning: some templates open it themselves. */
  opensReasoning: boolean
  /** The begun answer, as it stands at the prompt's end with its tags. */
  begun: string
}

/** How models mark what they think aloud. */
const openTag = '<think>'
const closeTag = '</think>'

/** No text has longer tokens on average: one with more characters than this for each token is too long uncounted. */
const longestTokenCharacters = 64

/** Dropping goes down to this share of what there is room for, so that not every following turn drops again. */
const shareAfterDropping = 0.75

/**
 * The prompt for a path. It leaves room for an answer of maxTokens, or of a quarter of the context where that is less.
 * When it is too long and the settings allow it, the oldest turns (a question with its answers) are left out: never the
 * system prompt, never the last question. It then goes down to three quarters of the room, and keeps to what the last answer
 * left out as long as that fits: a beginning that changed every turn would have to be computed again every turn.
 * @throws context_full with the figures; unsupported for a model without a chat template.
 */
export function composePrompt(model: ChatModel, request: PromptRequest): Prompt {
  const { sampling, whenFull } = request.settings
  const room = model.contextLength - Math.min(sampling.maxTokens, Math.floor(model.contextLength / 4))
  const attempt = memoize((dropped: number) => render(model, request, dropped))
  const fits = (dropped: number, limit = room) =>
    charactersOf(request, dropped) <= limit * longestTokenCharacters && attempt(dropped).ids.length <= limit
  if (fits(0)) return attempt(0)
  const borders = whenFull === 'drop_oldest' ? turnStarts(request.path) : []
  const before = request.path.findLast((m) => m.role === 'assistant')?.droppedMessages ?? 0
  if (borders.includes(before) && fits(before)) return attempt(before)
  const chosen = firstFitting(borders, (b) => fits(b, room * shareAfterDropping)) ?? borders.findLast((b) => fits(b))
  if (chosen === undefined) {
    const least = borders.at(-1) ?? 0
    const countable = charactersOf(request, least) <= model.contextLength * longestTokenCharacters
    throw contextFull(model, countable ? attempt(least).ids.length : null, room, whenFull)
  }
  return attempt(chosen)
}

/** Characters of all texts after the first `dropped` messages. Counting tokens of megabytes would hold up everything else. */
function charactersOf({ settings, path, begun }: PromptRequest, dropped: number): number {
  const lengths = path.slice(dropped).flatMap((m) => [m.text.length, ...m.attachments.map(({ text }) => text.length)])
  return lengths.reduce((sum, n) => sum + n, settings.systemPrompt.length + (begun?.text.length ?? 0))
}

/** What the template is given for a path. */
export function templateMessages(settings: ConversationSettings, path: PathMessage[]): TemplateMessage[] {
  const system: TemplateMessage[] =
    settings.systemPrompt.trim() === '' ? [] : [{ role: 'system', content: settings.systemPrompt }]
  // An answer that failed before its first word says nothing.
  const said = path.filter((m) => m.role === 'user' || m.text !== '' || m.reasoning !== null)
  return [...system, ...said.map(templateMessage)]
}

function templateMessage(message: PathMessage): TemplateMessage {
  if (message.role === 'user') return { role: 'user', content: withAttachments(message.text, message.attachments) }
  // Templates of thinking models decide themselves which reasoning a later turn sees.
  const reasoning = message.reasoning === null ? {} : { reasoning_content: message.reasoning }
  return { role: 'assistant', content: message.text, ...reasoning }
}

/** Attached texts before the message, each under its name between fences longer than any inside it. */
export function withAttachments(text: string, attachments: Attachment[]): string {
  const fenced = attachments.map(({ name, text: content }) => {
    const longest = Math.max(2, ...[...content.matchAll(/`+/g)].map(([run]) => run.length))
    const fence = '`'.repeat(longest + 1)
    return `${name.replace(/\s+/g, ' ')}\n${fence}\n${content.replace(/\n$/, '')}\n${fence}\n\n`
  })
  return fenced.join('') + text
}

function render(model: ChatModel, { settings, path, begun }: PromptRequest, dropped: number): Prompt {
  if (!model.template) throw chatUnsupported(model.name)
  const messages = templateMessages(settings, path.slice(dropped))
  if (messages.length === 0) return { text: '', ids: [], droppedMessages: 0, opensReasoning: false, begun: '' }
  const asks = begun !== null || path.at(-1)?.role === 'user'
  const variables = { enable_thinking: settings.thinking }
  const { text, ids } = model.template.encode(messages, { addGenerationPrompt: asks, variables })
  const parts = begun ? writtenOut(begun, text) : []
  const more = parts.map((p) => p.text).join('')
  return {
    text: text + more,
    // What the model wrote is text, whatever it looks like; only the tags around it are tokens of their own.
    ids: [...ids, ...parts.flatMap((p) => model.tokenizer.encode(p.text, { special: p.tag }))],
    droppedMessages: dropped,
    opensReasoning: opensReasoning(text),
    begun: more,
  }
}

/** A begun answer as the model wrote it after `prompt`, its tags apart from its text. */
function writtenOut(begun: { text: string; reasoning: string | null }, prompt: string) {
  const opened = opensReasoning(prompt)
  // A template that is told not to think writes an empty block of its own: there is no place for another.
  const closed = prompt.trimEnd().endsWith(closeTag)
  const thought = begun.reasoning !== null && !closed
  return [
    { text: thought && !opened ? `${openTag}\n` : '', tag: true },
    { text: thought ? (begun.reasoning ?? '') : '', tag: false },
    { text: (thought || opened) && begun.text !== '' ? `\n${closeTag}\n\n` : '', tag: true },
    { text: begun.text, tag: false },
  ].filter((part) => part.text !== '')
}

/** How many messages may be dropped: up to the beginning of each later question, the last one excepted from dropping. */
function turnStarts(path: PathMessage[]): number[] {
  return path.flatMap((m, i) => (m.role === 'user' && i > 0 ? [i] : []))
}

/** The first of `candidates`, for which `fits` turns from false to true at most once; undefined when none fits. */
function firstFitting(candidates: number[], fits: (candidate: number) => boolean): number | undefined {
  let low = 0
  let high = candidates.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (fits(candidates[middle])) high = middle
    else low = middle + 1
  }
  return candidates[low]
}

function memoize(compute: (dropped: number) => Prompt): (dropped: number) => Prompt {
  const known = new Map<number, Prompt>()
  return (dropped) => {
    const prompt = known.get(dropped) ?? compute(dropped)
    known.set(dropped, prompt)
    return prompt
  }
}

/** `tokens`: null when there are so many that they were not counted. */
function contextFull(
  model: ChatModel,
  tokens: number | null,
  room: number,
  whenFull: ConversationSettings['whenFull'],
) {
  const least = whenFull === 'drop_oldest'
  return new MoruError(
    'context_full',
    `The context is full: ${least ? 'the last message alone, with the system prompt,' : 'the conversation'} takes ` +
      `${tokens ?? 'far more'} tokens, and ${room} of ${model.contextLength} are there for it beside the answer. ` +
      (least
        ? 'Shorten the message or its attachments, or load the model with a longer context.'
        : 'Start a new conversation, let the oldest turns be dropped, or load the model with a longer context.'),
    { details: { promptTokens: tokens, availableTokens: room, contextLength: model.contextLength } },
  )
}
