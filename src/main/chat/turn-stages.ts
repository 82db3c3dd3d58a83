/** What a turn goes through, by name and in order. A later stage (a guard, a cache, retrieval) is one more entry. */
import { type Conversation } from '../../shared/contract/chat'
import { type LoadSettings, type TokenDetail } from '../../shared/contract/sampling'
import { MoruError, throwIfCancelled } from '../../shared/errors'
import { ReasoningParser } from '../engine'
import { currentSpan, step, tracedGeneration } from '../trace'
import { type Generator, type LoadedChatModel } from './generator'
import { composePrompt, type PathMessage, type Prompt } from './prompt'
import { type Turn } from './turn'

/** What the stages of one turn share; each adds what it finds. */
export interface TurnContext {
  readonly conversation: Conversation
  /** From the root to the question. */
  readonly path: PathMessage[]
  /** The turn goes on with an answer that was begun. */
  readonly continues: boolean
  /** The question was answered before, and another answer is wanted. */
  readonly again: boolean
  readonly modelId: string
  readonly load: LoadSettings
  /** Earlier tokens of a continued answer; null: details are not kept. */
  readonly details: TokenDetail[] | null
  readonly turn: Turn
  /** Milliseconds that each stage took. */
  readonly elapsedMs: Partial<Record<string, number>>
  model: LoadedChatModel | null
  prompt: Prompt | null
}

export interface Stage {
  name: string
  run(context: TurnContext): Promise<void>
}

/** Best tokens kept for each place where details are kept: the chosen one is mostly among them, and five others are shown. */
const alternatives = 6

export const turnStages = (generator: Generator): Stage[] => [
  { name: 'load', run: (context) => loadModel(generator, context) },
  { name: 'prompt', run: preparePrompt },
  { name: 'generate', run: generateAnswer },
]

/** Runs the stages; whatever happens, the model is released. */
export async function runStages(stages: Stage[], context: TurnContext): Promise<void> {
  try {
    for (const stage of stages) {
      throwIfCancelled(context.turn.signal)
      const start = performance.now()
      await step(stage.name, {}, () => stage.run(context))
      context.elapsedMs[stage.name] = performance.now() - start
    }
  } finally {
    context.model?.release()
  }
}

async function loadModel(generator: Generator, context: TurnContext): Promise<void> {
  const { turn, modelId, load } = context
  const report = (done: number, total: number) => turn.progress({ stage: 'loading', done, total })
  context.model = await generator.ensureLoaded(modelId, load, report, turn.signal)
}

async function preparePrompt(context: TurnContext): Promise<void> {
  const { conversation, path, continues, turn } = context
  const begun = continues ? { text: turn.answer.text, reasoning: turn.answer.reasoning || null } : null
  context.prompt = composePrompt(needed(context.model), { settings: conversation.settings, path, begun })
  turn.droppedMessages = context.prompt.droppedMessages
  currentSpan()?.set({
    'moru.prompt.tokens': context.prompt.ids.length,
    'moru.prompt.dropped_messages': turn.droppedMessages,
  })
}

async function generateAnswer(context: TurnContext): Promise<void> {
  const { conversation, turn, details } = context
  const prompt = needed(context.prompt)
  const before = turn.assistant.usage?.completionTokens ?? 0
  const parser = parserAfter(prompt)
  const pace = tokenPace()
  if (details) turn.tokens = [...details]
  // Says so before the first step: that one may have shaders to compile.
  turn.progress({ stage: 'prefill', done: 0, total: prompt.ids.length })
  const events = tracedGeneration(
    needed(context.model).generate({
      promptIds: prompt.ids,
      sampling: conversation.settings.sampling,
      logprobs: details ? alternatives : null,
      signal: turn.signal,
    }),
  )
  try {
    for await (const event of events) {
      if (event.kind === 'prefill') turn.progress({ stage: 'prefill', done: event.done, total: event.total })
      else if (event.kind === 'token') {
        if (details && event.detail) turn.tokens.push(event.detail)
        turn.add(parser.push(event.text), pace())
      } else {
        // A character that was cut in two comes as U+FFFD: whoever goes on with the answer writes it anew.
        const rest = event.finishReason === 'stop' ? event.text : event.text.replace(/\uFFFD+$/, '')
        turn.add(parser.push(rest), pace.last())
        const { finishReason, usage, ttftMs, prefillTokensPerSecond, decodeTokensPerSecond } = event
        turn.outcome = {
          finishReason,
          usage: { ...usage, completionTokens: usage.completionTokens + before },
          timings: { loadMs: context.elapsedMs.load ?? 0, ttftMs, prefillTokensPerSecond, decodeTokensPerSecond },
        }
      }
    }
  } finally {
    // Also of an answer that broke off: what was held back is part of its text.
    turn.add(parser.flush(), pace.last())
  }
}

/** A parser that stands where the prompt leaves the model: at the start of an answer, in a block, or further on. */
function parserAfter(prompt: Prompt): ReasoningParser {
  const parser = new ReasoningParser(prompt.opensReasoning)
  parser.push(prompt.begun)
  parser.flush()
  return parser
}

/** Counts tokens; each call is one more and answers how many a second there are since the first, or null. */
function tokenPace() {
  let first = 0
  let count = 0
  let rate: number | null = null
  const next = () => {
    const now = performance.now()
    if (count === 0) first = now
    else if (now > first) rate = (count * 1000) / (now - first)
    count++
    return rate
  }
  return Object.assign(next, { last: () => rate })
}

function needed<T>(value: T | null): T {
  if (value === null) throw new MoruError('internal', 'A stage of the turn ran before the one it builds on.')
  return value
}
