/** Text without conversations: what the command line and programs ask for. */
import { z } from 'zod'
import { defineRoute, defineStream } from './core'
import { finishReason, loadSettings, sampling, timings, tokenDetail, usage } from './sampling'

/** A library id, or the path of a GGUF file, first shard or safetensors folder on the host; null: the default model. */
const model = z.string().min(1).max(4096).nullable()

export const tokenization = z.object({ ids: z.array(z.number().int()), tokens: z.array(z.string()) })

export const textTokenize = defineRoute('text.tokenize', {
  input: z.object({ model, text: z.string().max(10_000_000), special: z.boolean().default(true) }),
  output: tokenization,
})

const chatMessages = z
  .array(z.object({ role: z.enum(['system', 'user', 'assistant', 'tool']), content: z.string().max(1_000_000) }))
  .min(1)

export const textEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('loading'), done: z.number(), total: z.number() }),
  z.object({ kind: z.literal('prompt'), ids: z.array(z.number().int()) }),
  z.object({ kind: z.literal('prefill'), done: z.number(), total: z.number() }),
  z.object({ kind: z.literal('token'), id: z.number().int(), text: z.string(), detail: tokenDetail.nullable() }),
  z.object({
    kind: z.literal('finished'),
    text: z.string(),
    tokenIds: z.array(z.number().int()),
    finishReason,
    usage,
    timings,
  }),
])

/** Continues a text, token ids, or a chat rendered by the model's template. Nothing is stored. */
export const textGenerate = defineStream('text.generate', {
  input: z.object({
    model,
    load: loadSettings.prefault({}),
    source: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('text'), text: z.string().min(1).max(10_000_000) }),
      z.object({ kind: z.literal('ids'), ids: z.array(z.number().int().nonnegative()).min(1).max(1_000_000) }),
      z.object({ kind: z.literal('chat'), messages: chatMessages, thinking: z.boolean().optional() }),
    ]),
    sampling: sampling.prefault({}),
    logprobs: z.number().int().min(0).max(20).nullable().default(null),
    /** The trace that this is asked again from, with other parameters. */
    replayOf: z.string().max(100).nullable().default(null),
  }),
  event: textEvent,
})

/** Perplexity of a text file on the host, over windows of tokens without context from before; the first token of each is not scored. */
export const textScore = defineStream('text.score', {
  input: z.object({
    model,
    load: loadSettings.prefault({}),
    path: z.string().min(1).max(4096),
    window: z.number().int().min(2).max(1_000_000).default(1024),
    windows: z.number().int().min(1).max(1_000_000).default(4),
    skip: z.number().int().min(0).default(0),
  }),
  event: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('progress'), done: z.number(), total: z.number(), tokensPerSecond: z.number() }),
    z.object({ kind: z.literal('finished'), perplexity: z.number(), meanNll: z.number(), tokens: z.number().int() }),
  ]),
})
