import { z } from 'zod'
import { defineRoute, defineStream } from './core'
import { cacheOutcome, citation } from './knowledge/ask'
import { textRange } from './knowledge/common'
import { hit } from './knowledge/search'
import { finishReason, sampling, timings, tokenDetail, usage } from './sampling'
import { modelId } from './models'

export const id = z.string().min(1).max(100)

export const attachment = z.object({ name: z.string().min(1).max(300), text: z.string().max(2_000_000) })

/** What an answer from documents rests on. */
export const messageSources = z.object({
  /** The question as it was searched for: rewritten with the conversation where it pointed back. */
  question: z.string(),
  /** What the model was given, the best first: [n] in the text means passages[n - 1]. */
  passages: z.array(hit),
  /** Relevant passages that had no room. */
  leftOut: z.number().int(),
  /** False: no passage was relevant, and the text says so. */
  answered: z.boolean(),
  citations: z.array(citation),
  /** Sentences, as offsets in the text, that no passage supports. */
  unsupported: z.array(textRange),
  cache: cacheOutcome,
  retrieveMs: z.number(),
  totalMs: z.number(),
})
export type MessageSources = z.infer<typeof messageSources>

export const message = z.object({
  id,
  conversationId: id,
  parentId: id.nullable(),
  role: z.enum(['user', 'assistant']),
  text: z.string(),
  /** What the model thought aloud (<think>), apart from the answer. */
  reasoning: z.string().nullable(),
  reasoningMs: z.number().nullable(),
  attachments: z.array(attachment),
  /** streaming: being written now; interrupted: the host died while it was being written; stopped: by the user. */
  status: z.enum(['complete', 'streaming', 'interrupted', 'stopped', 'failed']),
  error: z.string().nullable(),
  modelId: modelId.nullable(),
  finishReason: finishReason.nullable(),
  usage: usage.nullable(),
  timings: timings.nullable(),
  /** null: written without documents. */
  sources: messageSources.nullable(),
  /** Messages left out of the prompt because the context was full. */
  droppedMessages: z.number().int(),
  /** The text was changed by hand. */
  edited: z.boolean(),
  createdAt: z.number(),
})
export type Message = z.infer<typeof message>

/** What a conversation answers with; null fields fall back to the preset's or the product's defaults. */
export const conversationSettings = z.object({
  modelId: modelId.nullable(),
  systemPrompt: z.string().max(200_000),
  sampling,
  whenFull: z.enum(['error', 'drop_oldest']),
  /** For models that can think aloud: whether they do. */
  thinking: z.boolean(),
  /** Collections that questions are answered from; none: the model answers by itself. */
  collectionIds: z.array(id).max(50),
  /** Which answers from documents are kept and looked up: none, those that are always the same (temperature 0), or all. */
  answerCache: z.enum(['off', 'fixed', 'all']),
})
export type ConversationSettings = z.infer<typeof conversationSettings>

export const conversation = z.object({
  id,
  title: z.string(),
  pinned: z.boolean(),
  settings: conversationSettings,
  /** The leaf shown last: the path from it to the root is the visible transcript. */
  currentMessageId: id.nullable(),
  createdAt: z.number(),
  updatedAt: z.number(),
})
export type Conversation = z.infer<typeof conversation>

export const conversationsList = defineRoute('conversations.list', {
  input: z.object({ search: z.string().max(500).default(''), limit: z.number().int().min(1).max(1000).default(500) }),
  output: z.array(conversation.omit({ settings: true }).extend({ snippet: z.string().nullable() })),
})
export const conversationsGet = defineRoute('conversations.get', {
  input: z.object({ id }),
  output: z.object({ conversation, messages: z.array(message) }),
})
export const conversationsCreate = defineRoute('conversations.create', {
  input: z.object({ title: z.string().max(300).default(''), settings: conversationSettings.partial().default({}) }),
  output: conversation,
})
export const conversationsUpdate = defineRoute('conversations.update', {
  input: z.object({
    id,
    title: z.string().max(300).optional(),
    pinned: z.boolean().optional(),
    settings: conversationSettings.partial().optional(),
    currentMessageId: id.nullable().optional(),
  }),
  output: conversation,
})
/** Deleted conversations can be restored until the host is next started. */
export const conversationsRemove = defineRoute('conversations.remove', {
  input: z.object({ id }),
  output: z.object({}),
})
export const conversationsRestore = defineRoute('conversations.restore', {
  input: z.object({ id }),
  output: conversation,
})
export const conversationsExport = defineRoute('conversations.export', {
  input: z.object({ id, format: z.enum(['markdown', 'json']) }),
  output: z.object({ fileName: z.string(), text: z.string() }),
})

/** started: the messages as stored; delta: what was added since; finished: the answer as stored. */
export const turnEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('started'), user: message.nullable(), assistant: message }),
  z.object({
    kind: z.literal('progress'),
    stage: z.enum(['searching', 'loading', 'prefill']),
    done: z.number(),
    /** 0: how much there is to do is not known. */
    total: z.number(),
  }),
  /** What the answer will rest on; how it does is known at its end. */
  z.object({ kind: z.literal('sources'), sources: messageSources }),
  z.object({
    kind: z.literal('delta'),
    text: z.string(),
    reasoning: z.string(),
    tokensPerSecond: z.number().nullable(),
  }),
  z.object({ kind: z.literal('finished'), message }),
])
export type TurnEvent = z.infer<typeof turnEvent>

/** Adds a user message under `parentId` and answers it. Cancelling the stream only stops watching; chat.stop ends the turn. */
export const chatSend = defineStream('chat.send', {
  input: z.object({
    conversationId: id,
    parentId: id.nullable(),
    text: z.string().min(1).max(200_000),
    attachments: z.array(attachment).max(20).default([]),
  }),
  event: turnEvent,
})
/** A new answer beside the one given: a sibling. */
export const chatRegenerate = defineStream('chat.regenerate', { input: z.object({ messageId: id }), event: turnEvent })
/** Goes on writing an answer that was stopped, interrupted, cut off or edited. */
export const chatContinue = defineStream('chat.continue', { input: z.object({ messageId: id }), event: turnEvent })
/** Watches a turn that is being written, from its state now; ends at once when none is. */
export const chatFollow = defineStream('chat.follow', { input: z.object({ messageId: id }), event: turnEvent })
export const chatStop = defineRoute('chat.stop', { input: z.object({ messageId: id }), output: z.object({}) })
/** Changes an answer's text in place. */
export const chatEdit = defineRoute('chat.edit', {
  input: z.object({ messageId: id, text: z.string().max(1_000_000) }),
  output: message,
})
/** The tokens of an answer with their probabilities, where they were kept. */
export const chatTokens = defineRoute('chat.tokens', {
  input: z.object({ messageId: id }),
  output: z.array(tokenDetail),
})
/** The exact prompt the model would see for the path ending at `messageId`, with its length in tokens. */
export const chatPrompt = defineRoute('chat.prompt', {
  input: z.object({ conversationId: id, messageId: id.nullable(), draft: z.string().max(200_000).default('') }),
  output: z.object({ text: z.string(), tokens: z.number(), contextLength: z.number(), droppedMessages: z.number() }),
})
