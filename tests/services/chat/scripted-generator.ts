/**
 * A generator that needs no GPU: the bundled model's tokenizer and template are the real ones, the answers are written
 * beforehand and come token by token at a set pace, under the same rules as the engine's (limits, cancel, held-back text).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type ChatModel, type Generator, type LoadedChatModel } from '../../../src/main/chat'
import { type GenerateEvent, type GenerateRequest } from '../../../src/main/engine'
import { openGguf } from '../../../src/main/engine/formats/gguf'
import { chatTemplateFrom } from '../../../src/main/engine/tokenizer/chat-template'
import { loadTokenizerFromMetadata } from '../../../src/main/engine/tokenizer/load'
import { StreamDecoder } from '../../../src/main/engine/tokenizer/stream-decoder'
import { type LoadSettings } from '../../../src/shared/contract/sampling'
import { MoruError } from '../../../src/shared/errors'

const bundled = 'resources/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1-00001-of-00003.gguf'
const file = await openGguf(bundled)
const { tokenizer, chatTemplate } = loadTokenizerFromMetadata(file.metadata)
await file.close()

/** Qwen3's rules in short: reasoning only after the last question, an empty block when thinking is off. */
export const thinkingTemplate = chatTemplateFrom(
  `{%- set ns = namespace(last=0) -%}
{%- for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor -%}
{%- for m in messages -%}
<|im_start|>{{ m.role }}
{% if m.reasoning_content and loop.index0 > ns.last %}<think>
{{ m.reasoning_content }}
</think>

{% endif %}{{ m.content }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% if enable_thinking is defined and enable_thinking is false %}<think>

</think>

{% endif %}{%- endif -%}`,
  tokenizer,
)

export interface Script {
  /** What the model writes after a prompt; a function sees the prompt's text. */
  answer: string | ((prompt: string) => string)
  tokenMs?: number
  loadMs?: number
  contextLength?: number
  template?: ChatModel['template']
  /** Throws after so many tokens of an answer. */
  breaksAfter?: number
}

export class ScriptedGenerator implements Generator {
  script: Script
  readonly requests: GenerateRequest[] = []
  readonly prompts: string[] = []
  readonly loads: { modelId: string; load: LoadSettings }[] = []
  held = 0
  #stalled = false

  constructor(script: Script) {
    this.script = script
  }

  /** From now on no token comes any more. */
  stall(): void {
    this.#stalled = true
  }

  defaultModelId(): string {
    return 'bundled'
  }

  async inspect(modelId: string, load: LoadSettings): Promise<ChatModel> {
    if (modelId === 'missing') throw new MoruError('not_found', 'There is no model "missing" in the library.')
    const template = this.script.template === undefined ? chatTemplate : this.script.template
    const contextLength = load.contextLength ?? this.script.contextLength ?? 2048
    return { id: modelId, name: `Model ${modelId}`, contextLength, tokenizer, template }
  }

  async ensureLoaded(
    modelId: string,
    load: LoadSettings,
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<LoadedChatModel> {
    const model = await this.inspect(modelId, load)
    for (let part = 1; part <= 4 && this.script.loadMs; part++) {
      await sleep(this.script.loadMs / 4, null, { signal })
      onProgress(part * 25, 100)
    }
    this.loads.push({ modelId, load })
    this.held++
    return { ...model, generate: (request) => this.#generate(model, request), release: () => this.held-- }
  }

  async *#generate(model: ChatModel, request: GenerateRequest): AsyncGenerator<GenerateEvent> {
    const { answer, tokenMs = 0, breaksAfter = Infinity } = this.script
    const prompt = tokenizer.decode(request.promptIds, { special: true })
    this.requests.push(request)
    this.prompts.push(prompt)
    const written = tokenizer.encode(typeof answer === 'string' ? answer : answer(prompt), { special: false })
    const end = tokenizer.eosId!
    const planned = [...written, end]
    const most = Math.min(request.sampling.maxTokens, model.contextLength - request.promptIds.length)
    const decoder = new StreamDecoder(tokenizer)
    const tokenIds: number[] = []
    const start = performance.now()
    let ttftMs = 0
    yield { kind: 'prefill', done: request.promptIds.length, total: request.promptIds.length }
    for (const id of planned.slice(0, most)) {
      if (this.#stalled) await aborted(request.signal!)
      else if (tokenMs > 0) await sleep(tokenMs)
      if (request.signal?.aborted) break
      if (tokenIds.length >= breaksAfter) throw new MoruError('device_lost', 'The graphics driver stopped answering.')
      ttftMs ||= performance.now() - start
      tokenIds.push(id)
      const text = decoder.push([id])
      const alternatives = Array.from({ length: request.logprobs ?? 0 }, (_, i) => ({
        id: i,
        text: `${i}`,
        logprob: -i - 1,
      }))
      const detail = request.logprobs === null ? null : { id, text, logprob: -0.25, top: alternatives }
      yield { kind: 'token', id, text: id === end ? '' : text, detail }
    }
    const finishReason = request.signal?.aborted
      ? 'cancelled'
      : tokenIds.at(-1) === end
        ? 'stop'
        : tokenIds.length === request.sampling.maxTokens
          ? 'length'
          : 'context_full'
    const usage = { promptTokens: request.promptIds.length, cachedTokens: 0, completionTokens: tokenIds.length }
    const rates = { ttftMs, prefillTokensPerSecond: 100, decodeTokensPerSecond: 50 }
    yield { kind: 'finished', finishReason, tokenIds, text: decoder.flush(), usage, ...rates }
  }
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
