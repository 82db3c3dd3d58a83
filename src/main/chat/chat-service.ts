/** Conversations that answer: turns are started, watched and stopped here. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Conversation, type Message } from '../../shared/contract/chat'
import { loadSettings } from '../../shared/contract/sampling'
import { MoruError } from '../../shared/errors'
import { type Attachment, normalText, type Store } from '../store'
import { type CallRecorder, untraced } from '../trace'
import { pathTo } from './export'
import { answerFromDocuments, type DocumentAnswers } from './document-answers'
import { type Generator } from './generator'
import { composePrompt, type PathMessage } from './prompt'
import { titleFrom } from './title'
import { Turn } from './turn'
import { tracedTurn } from './traced-turn'
import { runStages, type Stage, turnStages } from './turn-stages'

/** So long does closing wait for the engine. */
const patienceMs = 3000

export interface SendInput {
  conversationId: string
  parentId: string | null
  text: string
  attachments: Attachment[]
}

export class ChatService {
  readonly #store: Store
  readonly #generator: Generator
  readonly #tracer: CallRecorder
  readonly #stages: Stage[]
  /** For conversations that ask collections. */
  readonly #documentStages: Stage[]
  /** By the answer's id. */
  readonly #turns = new Map<string, Turn>()
  #closed = false

  /** `answers`: where answers from documents come from. */
  constructor(store: Store, generator: Generator, answers: DocumentAnswers, tracer: CallRecorder = untraced) {
    this.#store = store
    this.#generator = generator
    this.#tracer = tracer
    this.#stages = turnStages(generator)
    this.#documentStages = [{ name: 'ask', run: (context) => answerFromDocuments(store, answers, context) }]
  }

  /** Adds a question under `parentId` and begins its answer. @throws not_found, conflict, invalid_input, busy. */
  send({ conversationId, parentId, text, attachments }: SendInput): Turn {
    const { conversations, messages } = this.#store
    const conversation = conversations.get(conversationId)
    if (parentId !== null) this.#settled(this.#messageOf(conversationId, parentId))
    const modelId = this.#modelFor(conversation)
    const added = this.#store.transaction(() => {
      const user = messages.add({ conversationId, parentId, role: 'user', text, attachments })
      if (conversation.title === '') conversations.update(conversationId, { title: titleFrom(text) })
      return { user, assistant: this.#addAnswer(user, modelId) }
    })
    return this.#begin(conversation, modelId, added.user, added.assistant, {})
  }

  /** Begins another answer beside the one given, or a first one to a question that has none. */
  regenerate(messageId: string): Turn {
    const given = this.#store.messages.get(messageId)
    const questionId = given.role === 'user' ? given.id : given.parentId
    if (questionId === null)
      throw new MoruError('invalid_input', 'This answer has no question before it that could be answered again.')
    const conversation = this.#store.conversations.get(given.conversationId)
    const modelId = this.#modelFor(conversation)
    const question = this.#store.messages.get(questionId)
    const assistant = this.#store.transaction(() => this.#addAnswer(question, modelId))
    return this.#begin(conversation, modelId, null, assistant, { again: true })
  }

  /** Goes on writing an answer. The conversation's model of now writes on. */
  continue(messageId: string): Turn {
    const given = this.#settled(this.#answer(messageId))
    if (given.sources)
      throw new MoruError('invalid_input', 'An answer from documents is not continued. Ask again instead.')
    const conversation = this.#store.conversations.get(given.conversationId)
    const modelId = this.#modelFor(conversation)
    this.#ready()
    this.#store.transaction(() => {
      this.#store.messages.update(messageId, { status: 'streaming', error: null, finishReason: null, modelId })
      this.#store.conversations.touch(given.conversationId)
    })
    return this.#begin(conversation, modelId, null, this.#store.messages.get(messageId), { continues: true })
  }

  /** The turn that writes this answer; null when none does. @throws not_found. */
  turn(messageId: string): Turn | null {
    this.#store.messages.get(messageId)
    const turn = this.#turns.get(messageId)
    return turn?.running ? turn : null
  }

  /** Ends the turn that writes this answer, if one does; resolves when the answer is stored. @throws not_found. */
  async stop(messageId: string): Promise<void> {
    await this.turn(messageId)?.stop('stopped')
  }

  /** Changes an answer in place. Its tokens are not what it says any more and are forgotten. */
  edit(messageId: string, text: string): Message {
    const { sources } = this.#settled(this.#answer(messageId))
    this.#store.transaction(() => {
      // Sentences of another text: which of them are supported is not known any more.
      if (sources) this.#store.messages.update(messageId, { sources: { ...sources, unsupported: [] } })
      const settled = { status: 'complete', error: null, finishReason: null } as const
      this.#store.messages.update(messageId, { text: normalText(text), edited: true, ...settled })
      this.#store.messages.setTokens(messageId, null)
    })
    return this.#store.messages.get(messageId)
  }

  /** The prompt for the path that ends at `messageId`, with `draft` as the next question unless it is ''. */
  async prompt(conversationId: string, messageId: string | null, draft: string, signal: AbortSignal) {
    const conversation = this.#store.conversations.get(conversationId)
    if (messageId !== null) this.#messageOf(conversationId, messageId)
    const path: PathMessage[] = pathTo(this.#store.messages.list(conversationId), messageId)
    if (draft !== '')
      path.push({ role: 'user', text: normalText(draft), reasoning: null, attachments: [], droppedMessages: 0 })
    const modelId = this.#modelFor(conversation)
    const model = await this.#generator.inspect(modelId, this.#loadFor(modelId), signal)
    const { text, ids, droppedMessages } = composePrompt(model, { settings: conversation.settings, path, begun: null })
    return { text, tokens: ids.length, contextLength: model.contextLength, droppedMessages }
  }

  /** Hides a conversation; what is being written in it is stopped and stored first. */
  async removeConversation(id: string): Promise<void> {
    this.#store.conversations.get(id)
    const own = [...this.#turns.values()].filter((t) => t.assistant.conversationId === id)
    await Promise.all(own.map((t) => t.stop('stopped')))
    this.#store.conversations.remove(id)
  }

  /**
   * Ends every turn, marks its answer interrupted, and resolves when all are stored, or after a while: what an engine
   * that does not heed the signal leaves behind is saved as far as it grew, and is marked at the next start.
   */
  async close(): Promise<void> {
    this.#closed = true
    const stored = Promise.all([...this.#turns.values()].map((t) => t.stop('interrupted')))
    await Promise.race([stored, sleep(patienceMs, null, { ref: false })])
  }

  #addAnswer(question: Message, modelId: string): Message {
    this.#ready()
    const { conversationId, id: parentId } = question
    const streaming = { role: 'assistant', text: '', status: 'streaming' } as const
    const answer = this.#store.messages.add({ conversationId, parentId, modelId, ...streaming })
    this.#store.conversations.update(conversationId, { currentMessageId: answer.id })
    this.#store.conversations.touch(conversationId)
    return answer
  }

  #begin(
    conversation: Conversation,
    modelId: string,
    user: Message | null,
    assistant: Message,
    { continues = false, again = false }: { continues?: boolean; again?: boolean },
  ) {
    const turn = new Turn(user, assistant, this.#store.messages)
    const asksDocuments = !continues && conversation.settings.collectionIds.length > 0
    const keep = this.#store.settings.get().keepTokenDetails
    const context = {
      conversation,
      path: pathTo(this.#store.messages.list(conversation.id), assistant.parentId),
      continues,
      again,
      modelId,
      load: this.#loadFor(modelId),
      details: keep ? this.#store.messages.tokens(assistant.id) : null,
      turn,
      elapsedMs: {},
      model: null,
      prompt: null,
    }
    const stages = asksDocuments ? this.#documentStages : this.#stages
    this.#turns.set(assistant.id, turn)
    void turn
      .run(() => tracedTurn(this.#tracer, context, () => runStages(stages, context)))
      .finally(() => this.#turns.get(assistant.id) === turn && this.#turns.delete(assistant.id))
    return turn
  }

  #ready(): void {
    if (this.#closed) throw new MoruError('busy', 'Moru is shutting down; no new answer is begun.')
  }

  #modelFor({ settings }: Conversation): string {
    const id = settings.modelId ?? this.#store.settings.get().defaultModelId ?? this.#generator.defaultModelId()
    if (id === null) throw new MoruError('model_not_loaded', 'No model is chosen. Choose one for this conversation.')
    return id
  }

  #loadFor(modelId: string) {
    return this.#store.settings.get().load[modelId] ?? loadSettings.parse({})
  }

  #messageOf(conversationId: string, messageId: string): Message {
    const message = this.#store.messages.get(messageId)
    if (message.conversationId !== conversationId)
      throw new MoruError('not_found', `There is no message "${messageId}" in this conversation.`)
    return message
  }

  #answer(messageId: string): Message {
    const message = this.#store.messages.get(messageId)
    if (message.role !== 'assistant')
      throw new MoruError('invalid_input', 'Only answers are changed in place. Send the changed question instead.')
    return message
  }

  #settled(message: Message): Message {
    if (this.#turns.get(message.id)?.running)
      throw new MoruError('conflict', 'This answer is still being written. Stop it first, or wait for its end.')
    return message
  }
}
