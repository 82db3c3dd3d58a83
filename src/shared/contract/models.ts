import { z } from 'zod'
import { defineRoute, defineStream } from './core'
import { loadSettings } from './sampling'

export const modelId = z.string().min(1).max(500)

export const modelSummary = z.object({
  id: modelId,
  name: z.string(),
  source: z.enum(['bundled', 'imported', 'downloaded']),
  path: z.string(),
  format: z.enum(['gguf', 'safetensors']),
  architecture: z.string(),
  parameters: z.number(),
  sizeBytes: z.number(),
  bitsPerWeight: z.number(),
  contextLength: z.number(),
  quantization: z.string(),
  chat: z.boolean(),
  /** Embeds or ranks texts and writes none. */
  encoder: z.boolean(),
  /** Its chat template knows a switch for thinking aloud first. */
  thinking: z.boolean(),
  /** False when the file has gone or changed since import. */
  available: z.boolean(),
  license: z.string().nullable(),
  addedAt: z.number(),
})
export type ModelSummary = z.infer<typeof modelSummary>

export const memoryPlan = z.object({
  weightsBytes: z.number(),
  kvBytesPerToken: z.number(),
  kvBytes: z.number(),
  workspaceBytes: z.number(),
  totalBytes: z.number(),
  /** What the adapter allows in all; null where it does not say. */
  availableBytes: z.number().nullable(),
  contextLength: z.number(),
  fits: z.boolean(),
  /** Why not, with figures; null when it fits. */
  reason: z.string().nullable(),
})
export type MemoryPlan = z.infer<typeof memoryPlan>

export const modelDetail = modelSummary.extend({
  layers: z.number(),
  hiddenDim: z.number(),
  heads: z.number(),
  kvHeads: z.number(),
  headDim: z.number(),
  vocabSize: z.number(),
  tokenizer: z.string(),
  chatTemplate: z.string().nullable(),
  memoryPlan,
  tensors: z.array(z.object({ name: z.string(), shape: z.array(z.number()), type: z.string(), sizeBytes: z.number() })),
})
export type ModelDetail = z.infer<typeof modelDetail>

export const modelsList = defineRoute('models.list', { input: z.object({}), output: z.array(modelSummary) })
export const modelsGet = defineRoute('models.get', {
  input: z.object({ id: modelId, load: loadSettings.optional() }),
  output: modelDetail,
})
/** References a file or folder on the host in place; nothing is copied. */
export const modelsImport = defineRoute('models.import', {
  input: z.object({ path: z.string().min(1).max(4096) }),
  output: modelSummary,
})
/** Forgets a model; deletes its files only where Moru downloaded them and `deleteFiles` is set. */
export const modelsRemove = defineRoute('models.remove', {
  input: z.object({ id: modelId, deleteFiles: z.boolean().default(false) }),
  output: z.object({}),
})
/** Models found in the folders of LM Studio, Ollama, llama.cpp and the Hugging Face cache that are not in the library yet. */
export const modelsDiscover = defineRoute('models.discover', {
  input: z.object({}),
  output: z.array(
    z.object({
      path: z.string(),
      name: z.string(),
      sizeBytes: z.number(),
      app: z.enum(['lm-studio', 'ollama', 'llama.cpp', 'hugging-face']),
    }),
  ),
})
export const modelsSearchHub = defineRoute('models.searchHub', {
  input: z.object({ query: z.string().max(200), limit: z.number().int().min(1).max(100).default(20) }),
  output: z.array(
    z.object({
      repo: z.string(),
      downloads: z.number(),
      likes: z.number(),
      updatedAt: z.string().nullable(),
      gated: z.boolean(),
    }),
  ),
})
export const modelsListHubFiles = defineRoute('models.listHubFiles', {
  input: z.object({ repo: z.string().min(1).max(200), revision: z.string().max(200).default('main') }),
  output: z.array(
    z.object({ path: z.string(), sizeBytes: z.number(), sha256: z.string().nullable(), usable: z.boolean() }),
  ),
})
/** Starts a download job; its progress is in jobs.follow. */
export const modelsDownload = defineRoute('models.download', {
  input: z.object({
    repo: z.string().min(1).max(200),
    revision: z.string().max(200).default('main'),
    files: z.array(z.string().min(1).max(1000)).min(1).max(200),
  }),
  output: z.object({ jobId: z.string() }),
})
/** Loads a model into the engine, unloading the one before. */
export const modelsLoad = defineStream('models.load', {
  input: z.object({ id: modelId, load: loadSettings }),
  event: z.object({ loadedBytes: z.number(), totalBytes: z.number(), bytesPerSecond: z.number() }),
})
export const modelsUnload = defineRoute('models.unload', { input: z.object({}), output: z.object({}) })
