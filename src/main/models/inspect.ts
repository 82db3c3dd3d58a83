/** What a model is, from its files' headers alone: no weights are read. */
import { open, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MoruError, toMoruError } from '../../shared/errors'
import {
  defaultTemplate,
  isEncoder,
  type ModelConfig,
  openModelFile,
  readModelConfig,
  switchesReasoning,
  type TensorInfo,
  type WeightFile,
} from '../engine'
import { type ModelFile } from '../store'
import { ollamaName } from './discover/ollama'
import { companions } from './hub/companions'
import { nameFromPath } from './model-path'
import { quantizationLabel } from './quantization-label'

/** What was read from a model's files, as the library stores it; tensors and configuration are read again when asked for. */
export interface ModelFacts {
  architecture: string
  parameters: number
  sizeBytes: number
  bitsPerWeight: number
  contextLength: number
  quantization: string
  chat: boolean
  encoder: boolean
  thinking: boolean
  license: string | null
}

export interface Inspection {
  path: string
  name: string
  format: WeightFile['format']
  /** All weight files in their order. */
  files: ModelFile[]
  facts: ModelFacts
  config: ModelConfig
  tokenizer: string
  chatTemplate: string | null
  tensors: TensorInfo[]
}

const maxCached = 32
const cache = new Map<string, { signature: string; inspection: Inspection }>()

/**
 * The model at a path as `modelPath` gives it. Answers from memory while the sizes and times of its files, and of those
 * that may lie beside them, are the same.
 * @throws MoruError as openModelFile and readModelConfig do; unsupported for files without weights.
 */
export async function inspectModel(path: string): Promise<Inspection> {
  const known = cache.get(path)
  if (known && known.signature === (await signatureOf(known.inspection))) return known.inspection
  const inspection = await read(path)
  cache.delete(path)
  cache.set(path, { signature: await signatureOf(inspection), inspection })
  // The oldest goes: maps keep the order of insertion.
  if (cache.size > maxCached) cache.delete(cache.keys().next().value!)
  return inspection
}

async function signatureOf({ files, format }: Inspection): Promise<string> {
  const beside = format === 'safetensors' ? [...companions].map((name) => join(dirname(files[0].path), name)) : []
  const stamps = [...files.map((file) => file.path), ...beside].map(async (path) => {
    const found = await stat(path).catch(() => null)
    return found ? `${found.size}@${found.mtimeMs}` : '-'
  })
  return (await Promise.all(stamps)).join()
}

/** Whether all files are there with the size and time they had when they were read. */
export async function unchanged(files: ModelFile[]): Promise<boolean> {
  for (const file of files) {
    const now = await stat(file.path).catch(() => null)
    if (!now || now.size !== file.sizeBytes || now.mtimeMs !== file.mtimeMs) return false
  }
  return true
}

async function read(path: string): Promise<Inspection> {
  const file = await openModelFile(path)
  try {
    const files = await Promise.all(file.paths.map(describeFile))
    const tensors = [...file.tensors.values()]
    if (tensors.length === 0)
      throw new MoruError('unsupported', `${path} holds a vocabulary but no weights: it can tokenize, not generate.`)
    const config = await readModelConfig(file)
    const chatTemplate = isEncoder(config.architecture) ? null : await readChatTemplate(file)
    const name = (await ollamaName(path)) ?? nameFromPath(path)
    return {
      path,
      name,
      format: file.format,
      files,
      facts: {
        ...weigh(tensors),
        architecture: config.architecture,
        sizeBytes: file.sizeBytes,
        contextLength: config.contextLength,
        quantization: quantizationLabel(tensors, file.metadata.get('general.file_type')),
        chat: chatTemplate !== null,
        encoder: isEncoder(config.architecture),
        thinking: chatTemplate !== null && switchesReasoning(chatTemplate),
        license: await readLicense(file),
      },
      config,
      tokenizer: await tokenizerKind(file),
      chatTemplate,
      tensors,
    }
  } finally {
    await file.close()
  }
}

async function describeFile(path: string): Promise<ModelFile> {
  const { size, mtimeMs } = await stat(path)
  return { path, sizeBytes: size, mtimeMs, sha256: null }
}

/** Parameters and their mean bits, over the tensors alone: headers and vocabularies are no weights. */
function weigh(tensors: TensorInfo[]): { parameters: number; bitsPerWeight: number } {
  let parameters = 0
  let bytes = 0
  for (const { shape, sizeBytes } of tensors) {
    parameters += shape.reduce((product, length) => product * length, 1)
    bytes += sizeBytes
  }
  return { parameters, bitsPerWeight: parameters === 0 ? 0 : (8 * bytes) / parameters }
}

/** The template a chat is rendered with: the model's own, or the one that its control tokens call for; null for none. */
async function readChatTemplate(file: WeightFile): Promise<string | null> {
  if (file.format === 'safetensors') return folderTemplate(dirname(file.paths[0]))
  const named = file.metadata.get('tokenizer.chat_templates')
  const keys = ['tokenizer.chat_template', `tokenizer.chat_template.${Array.isArray(named) ? named[0] : 'default'}`]
  const own = keys.map((key) => file.metadata.get(key)).find((value) => typeof value === 'string')
  if (typeof own === 'string') return own
  const tokens = file.metadata.get('tokenizer.ggml.tokens')
  if (!Array.isArray(tokens)) return null
  const known = new Set<unknown>(tokens)
  return defaultTemplate({ idOf: (token) => (known.has(token) ? 0 : null) })
}

async function folderTemplate(folder: string): Promise<string | null> {
  const jinja = await readText(join(folder, 'chat_template.jinja'))
  if (jinja !== null) return jinja
  for (const name of ['tokenizer_config.json', 'chat_template.json']) {
    const { chat_template: template } = await readJson(join(folder, name))
    if (typeof template === 'string') return template
    if (!Array.isArray(template)) continue
    const chosen = template.find((one) => one?.name === 'default') ?? template[0]
    if (typeof chosen?.template === 'string') return chosen.template
  }
  return null
}

/** 'bpe', 'spm', 'unigram', 'wordpiece' or 'none'. */
async function tokenizerKind(file: WeightFile): Promise<string> {
  const model = file.metadata.get('tokenizer.ggml.model')
  if (file.format === 'gguf')
    return { gpt2: 'bpe', llama: 'spm', t5: 'unigram', bert: 'wordpiece' }[String(model)] ?? 'none'
  const folder = dirname(file.paths[0])
  const { model: described } = await readJson(join(folder, 'tokenizer.json'))
  const type = typeof described === 'object' && described !== null ? (described as { type?: unknown }).type : undefined
  if (type === 'Unigram') return 'unigram'
  if (type === 'WordPiece') return 'wordpiece'
  if (type === 'BPE') return (described as { byte_fallback?: unknown }).byte_fallback === true ? 'spm' : 'bpe'
  return (await stat(join(folder, 'tokenizer.model')).catch(() => null)) ? 'spm' : 'none'
}

/** general.license of a GGUF file, or what the front matter of a README beside the weights says. */
async function readLicense(file: WeightFile): Promise<string | null> {
  const stated = file.metadata.get('general.license')
  if (typeof stated === 'string' && stated !== '') return stated
  const handle = await open(join(dirname(file.paths[0]), 'README.md')).catch(() => null)
  if (!handle) return null
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0)
    const front = /^---\r?\n([\s\S]*?)\r?\n---/.exec(buffer.toString('utf8', 0, bytesRead))?.[1] ?? ''
    return /^license:\s*["']?([\w.+-]+)/m.exec(front)?.[1] ?? null
  } finally {
    await handle.close()
  }
}

/** An object from a JSON file, {} where there is none. Sizes: the largest published tokenizer.json has 33 MB. */
async function readJson(path: string): Promise<Record<string, unknown>> {
  const text = await readText(path)
  if (text === null) return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch (cause) {
    throw new MoruError('invalid_file', `${path} is not JSON: ${(cause as Error).message}`, { cause })
  }
}

async function readText(path: string): Promise<string | null> {
  const found = await stat(path).catch(() => null)
  if (!found?.isFile()) return null
  if (found.size > 128 * 1024 * 1024) throw new MoruError('invalid_file', `${path} is larger than 128 MB.`)
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw toMoruError(error)
  })
}
