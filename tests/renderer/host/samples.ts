/** Things of the contract's types, as a host would answer them. */
import { conversationSettings, type Conversation, type Message } from '../../../src/shared/contract/chat'
import { type EngineStatus } from '../../../src/shared/contract/engine'
import { type Job } from '../../../src/shared/contract/jobs'
import { type ModelDetail, type ModelSummary } from '../../../src/shared/contract/models'
import { sampling } from '../../../src/shared/contract/sampling'

export const began = Date.UTC(2026, 10, 24, 3, 0)

export function aModel(change: Partial<ModelSummary> = {}): ModelSummary {
  return {
    id: 'smollm2-135m-instruct',
    name: 'SmolLM2 135M Instruct',
    source: 'bundled',
    path: '/opt/moru/resources/models/smollm2/SmolLM2-135M-Instruct-Q8_0-00001-of-00004.gguf',
    format: 'gguf',
    architecture: 'llama',
    parameters: 134_515_008,
    sizeBytes: 144_811_584,
    bitsPerWeight: 8.5,
    contextLength: 8192,
    quantization: 'Q8_0',
    chat: true,
    encoder: false,
    thinking: false,
    available: true,
    license: 'Apache-2.0',
    addedAt: began,
    ...change,
  }
}

export function aDetail(model: ModelSummary, contextLength: number): ModelDetail {
  const layers = 30
  const block = (layer: number) =>
    ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down', 'attn_norm', 'ffn_norm'].map(
      (name) => ({
        name: `blk.${layer}.${name}.weight`,
        shape: name.endsWith('norm') ? [576] : [576, 1536],
        type: name.endsWith('norm') ? 'F32' : model.quantization,
        sizeBytes: name.endsWith('norm') ? 2304 : 940_032,
      }),
    )
  const kvBytesPerToken = 23_040
  const totalBytes = model.sizeBytes + kvBytesPerToken * contextLength + 60_000_000
  return {
    ...model,
    layers,
    hiddenDim: 576,
    heads: 9,
    kvHeads: 3,
    headDim: 64,
    vocabSize: 49_152,
    tokenizer: 'gpt2 / smollm',
    chatTemplate:
      "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' }}{% endfor %}",
    memoryPlan: {
      weightsBytes: model.sizeBytes,
      kvBytesPerToken,
      kvBytes: kvBytesPerToken * contextLength,
      workspaceBytes: 60_000_000,
      totalBytes,
      availableBytes: 4_294_967_296,
      contextLength,
      fits: totalBytes < 4_294_967_296,
      reason: totalBytes < 4_294_967_296 ? null : `${totalBytes} bytes are needed, 4294967296 are there.`,
    },
    tensors: Array.from({ length: layers }, (_, layer) => block(layer)).flat(),
  }
}

export function aConversation(change: Partial<Conversation> = {}): Conversation {
  return {
    id: 'c1',
    title: 'Rotary embeddings',
    pinned: false,
    settings: conversationSettings.parse({
      modelId: null,
      systemPrompt: '',
      sampling: sampling.parse({}),
      whenFull: 'drop_oldest',
      thinking: true,
      collectionIds: [],
      answerCache: 'fixed',
    }),
    currentMessageId: null,
    createdAt: began,
    updatedAt: began,
    ...change,
  }
}

export function aMessage(change: Partial<Message> & Pick<Message, 'id' | 'role'>): Message {
  const answer = change.role === 'assistant'
  return {
    conversationId: 'c1',
    parentId: null,
    text: '',
    reasoning: null,
    reasoningMs: null,
    attachments: [],
    status: 'complete',
    error: null,
    modelId: answer ? 'smollm2-135m-instruct' : null,
    finishReason: answer ? 'stop' : null,
    usage: answer ? { promptTokens: 41, cachedTokens: 12, completionTokens: 128 } : null,
    timings: answer ? { loadMs: 0, ttftMs: 320, prefillTokensPerSecond: 118, decodeTokensPerSecond: 24.1 } : null,
    sources: null,
    droppedMessages: 0,
    edited: false,
    createdAt: began,
    ...change,
  }
}

export function aStatus(change: Partial<EngineStatus> = {}): EngineStatus {
  return {
    adapter: 'llvmpipe (LLVM 19.1.7, 256 bits)',
    software: true,
    state: 'ready',
    memoryBytes: 398_000_000,
    tokensPerSecond: null,
    model: {
      id: 'smollm2-135m-instruct',
      name: 'SmolLM2 135M Instruct',
      load: { contextLength: null, computeType: 'f32', kvType: 'f16' },
      contextLength: 8192,
      kvBlocksUsed: 11,
      kvBlocksTotal: 512,
    },
    ...change,
  }
}

export function aJob(change: Partial<Job> = {}): Job {
  return {
    id: 'j1',
    kind: 'download',
    title: 'Qwen/Qwen3-0.6B-GGUF',
    state: 'running',
    done: 240_000_000,
    total: 639_000_000,
    unit: 'bytes',
    ratePerSecond: 12_400_000,
    remainingMs: 32_000,
    parameters: { repo: 'Qwen/Qwen3-0.6B-GGUF', revision: 'main', files: ['Qwen3-0.6B-Q8_0.gguf'] },
    result: null,
    error: null,
    startedAt: began,
    endedAt: null,
    ...change,
  }
}
