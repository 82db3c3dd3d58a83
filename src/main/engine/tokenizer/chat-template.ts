import { MoruError } from '../../../shared/errors'
import { defaultTemplate } from './default-templates'
import {
  cannotRender,
  parseTemplate,
  renderTemplate,
  TemplateFailure,
  type TemplateProgram,
  TemplateRefusal,
  timeLimitMs,
} from './template-interpreter'
import { type ChatTemplate, type RenderOptions, type TemplateMessage, type Tokenizer } from './tokenizer'

/** A source of the current time for templates that write the date. */
export type Clock = () => Date

/**
 * A model's chat template. `source`: Jinja as the model's files hold it; null: the default for the vocabulary's control
 * tokens. Null when there is neither: the model was not made for chat (chatUnsupported says so to people).
 *
 * Templates that refuse or drop a system message get it at the head of the first user message, and those that demand
 * alternating roles get neighbours of one role as one message, both with an empty line between. Templates of models that
 * also see pictures get contents as lists of parts where they want them.
 */
export function chatTemplateFrom(
  source: string | null,
  tokenizer: Tokenizer,
  clock: Clock = () => new Date(),
): ChatTemplate | null {
  const chosen = source ?? defaultTemplate(tokenizer)
  return chosen === null ? null : new JinjaChatTemplate(chosen, tokenizer, clock)
}

/** The error for a chat with a model that has no chat format. */
export function chatUnsupported(model: string): MoruError {
  return new MoruError(
    'unsupported',
    `${model} has no chat template and its vocabulary shows no known chat format: it is a base model. ` +
      'Let it continue a text instead, or choose a model made for chat.',
  )
}

class JinjaChatTemplate implements ChatTemplate {
  readonly source: string
  private readonly tokenizer: Tokenizer
  private readonly clock: Clock
  private readonly program: TemplateProgram

  constructor(source: string, tokenizer: Tokenizer, clock: Clock) {
    this.source = source
    this.tokenizer = tokenizer
    this.clock = clock
    this.program = parseTemplate(source)
  }

  render(messages: TemplateMessage[], options: RenderOptions): string {
    const asked = this.attempt(messages, options)
    if (asked.text !== null && isWhole(asked.text, messages)) return asked.text
    const deadline = performance.now() + timeLimitMs
    for (const adapted of adaptations(messages)) {
      if (performance.now() > deadline) break
      const { text } = this.attempt(adapted, options)
      if (text !== null && isWhole(text, messages)) return text
    }
    if (asked.text !== null) return asked.text
    throw asked.error
  }

  encode(messages: TemplateMessage[], options: RenderOptions): { text: string; ids: number[] } {
    const mark = unusedCharacter([this.source, JSON.stringify(messages), JSON.stringify(options.variables ?? {})])
    const broken = (value: unknown): unknown => this.breakControls(value, mark)
    const rendered = this.render(
      messages.map((message) => ({ ...(broken(message) as TemplateMessage), role: message.role })),
      { ...options, variables: broken(options.variables ?? {}) as Record<string, unknown> },
    )
    const parts = this.tokenizer
      .splitControls(rendered)
      .map((part) => (typeof part === 'string' ? part.replaceAll(mark, '') : part))
    const ids = this.tokenizer.encodeParts(parts)
    const { addBos, bosId } = this.tokenizer
    // As in llama.cpp: a model that wants BOS gets it once, whether or not its template writes it.
    if (addBos && bosId !== null && ids[0] !== bosId) ids.unshift(bosId)
    return { text: rendered.replaceAll(mark, ''), ids }
  }

  private attempt(messages: unknown[], options: RenderOptions): Attempt {
    const { bosId, eosId, unknownId, padId } = this.tokenizer
    const written = (id: number | null): string => (id === null ? '' : this.tokenizer.token(id))
    const variables = {
      tools: null,
      documents: null,
      bos_token: written(bosId),
      eos_token: written(eosId),
      unk_token: written(unknownId),
      pad_token: written(padId),
      ...options.variables,
      messages,
      add_generation_prompt: options.addGenerationPrompt,
    }
    try {
      return { text: renderTemplate(this.program, variables, this.clock()) }
    } catch (thrown) {
      if (thrown instanceof TemplateRefusal) return { text: null, error: refused(thrown.message) }
      if (thrown instanceof TemplateFailure) return { text: null, error: cannotRender(thrown.message, thrown) }
      throw thrown
    }
  }

  private breakControls(value: unknown, mark: string): unknown {
    if (typeof value === 'string') return this.tokenizer.breakControls(value, mark)
    if (Array.isArray(value)) return value.map((item) => this.breakControls(item, mark))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.breakControls(item, mark)]))
  }
}

type Attempt = { text: string } | { text: null; error: MoruError }

const refused = (words: string): MoruError =>
  new MoruError('invalid_input', `The model's chat template refuses these messages: ${words}`)

/** Whether the system text and the last question are in a prompt: some templates drop what they do not know, silently. */
function isWhole(text: string, messages: TemplateMessage[]): boolean {
  const wanted = [
    messages.find((message) => message.role === 'system'),
    messages.findLast((message) => message.role === 'user'),
  ]
  return wanted.every((message) => !message || text.includes(message.content.trim()))
}

/** Messages as stricter templates want them, the mildest change first; last with contents as lists of parts. */
function* adaptations(messages: TemplateMessage[]): Generator<unknown[]> {
  const merged = mergeSystem(messages)
  const forms = [mergeNeighbours(messages), merged, mergeNeighbours(merged)]
  yield* forms
  for (const form of [messages, ...forms])
    yield form.map((message) => ({ ...message, content: [{ type: 'text', text: message.content }] }))
}

function mergeSystem(messages: TemplateMessage[]): TemplateMessage[] {
  const system = messages.filter((message) => message.role === 'system').map((message) => message.content)
  const rest = messages.filter((message) => message.role !== 'system')
  if (system.length === 0) return rest
  const first = rest.findIndex((message) => message.role === 'user')
  if (first < 0) return [{ role: 'user', content: system.join('\n\n') }, ...rest]
  return rest.map((message, i) =>
    i === first ? { ...message, content: [...system, message.content].join('\n\n') } : message,
  )
}

function mergeNeighbours(messages: TemplateMessage[]): TemplateMessage[] {
  const merged: TemplateMessage[] = []
  for (const message of messages) {
    const last = merged.at(-1)
    if (last?.role === message.role)
      merged[merged.length - 1] = { ...last, content: `${last.content}\n\n${message.content}` }
    else merged.push(message)
  }
  return merged
}

/** A private-use character that none of the texts holds. */
function unusedCharacter(texts: string[]): string {
  const used = new Set<string>()
  for (const text of texts) for (const [character] of text.matchAll(/[\ue000-\uf8ff]/g)) used.add(character)
  for (let code = 0xe000; code <= 0xf8ff; code++) {
    const candidate = String.fromCharCode(code)
    if (!used.has(candidate)) return candidate
  }
  throw new MoruError('invalid_input', 'The messages use every private-use character; remove some of them.')
}
