/**
 * How an encoder's hidden states become embeddings, as sentence-transformers' files beside the weights say (modules.json,
 * 1_Pooling/config.json, sentence_bert_config.json, config_sentence_transformers.json) or GGUF's pooling_type.
 */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { MoruError } from '../../../shared/errors'
import { type WeightFile } from '../formats/weight-file'
import { type PoolingMode } from '../kernels/pool'

export interface SentenceSettings {
  pooling: PoolingMode
  normalize: boolean
  /** Most tokens of a text, special ones included; null: what the model's positions allow. */
  maxTokens: number | null
  /** Written before queries and passages. */
  prefixes: { query: string; passage: string }
}

const modulesFile = z.array(z.object({ path: z.string(), type: z.string() }))
const poolingFile = z.object({
  pooling_mode_cls_token: z.boolean().default(false),
  pooling_mode_mean_tokens: z.boolean().default(false),
  pooling_mode_max_tokens: z.boolean().default(false),
  pooling_mode_lasttoken: z.boolean().default(false),
})
const lengthFile = z.object({ max_seq_length: z.number().int().positive().nullish() })
const promptsFile = z.object({ prompts: z.record(z.string(), z.string()).nullish() })

/** Settings of an open model; mean pooling and unit length where nothing is said. Throws invalid_file, unsupported. */
export async function readSentenceSettings(file: WeightFile): Promise<SentenceSettings> {
  if (file.format === 'gguf') return ggufSettings(file)
  const folder = dirname(file.paths[0])
  const modules = await readJson(join(folder, 'modules.json'), modulesFile)
  const kinds = modules?.map((m) => m.type.split('.').at(-1)) ?? []
  const odd = kinds.find((kind) => !['Transformer', 'Pooling', 'Normalize'].includes(kind ?? ''))
  if (odd !== undefined)
    throw new MoruError(
      'unsupported',
      `${folder}/modules.json: a ${odd} module is not supported (Transformer, Pooling and Normalize are).`,
    )
  const poolingFolder = modules?.find((m) => m.type.endsWith('.Pooling'))?.path ?? '1_Pooling'
  // The path comes from the file: only a plain folder name beside it is followed.
  const pooling = /^[\w.-]+$/.test(poolingFolder)
    ? await readJson(join(folder, poolingFolder, 'config.json'), poolingFile)
    : undefined
  const length = await readJson(join(folder, 'sentence_bert_config.json'), lengthFile)
  const prompts = (await readJson(join(folder, 'config_sentence_transformers.json'), promptsFile))?.prompts ?? {}
  return {
    pooling: pooling ? poolingMode(pooling, folder) : 'mean',
    normalize: modules ? kinds.includes('Normalize') : true,
    maxTokens: length?.max_seq_length ?? null,
    prefixes: { query: prompts.query ?? '', passage: prompts.passage ?? prompts.document ?? '' },
  }
}

function poolingMode(config: z.output<typeof poolingFile>, folder: string): PoolingMode {
  const chosen = [
    config.pooling_mode_mean_tokens && 'mean',
    config.pooling_mode_cls_token && 'cls',
    config.pooling_mode_max_tokens && 'max',
    config.pooling_mode_lasttoken && 'last',
  ].filter((mode): mode is PoolingMode => mode !== false)
  if (chosen.length === 1) return chosen[0]
  throw new MoruError(
    'unsupported',
    `${folder}: pooling must be exactly one of mean, cls, max and last token, not ${chosen.join(' and ') || 'another'}.`,
  )
}

/** Moru's own keys of GGUF, which has none for these: without them a model of another format would embed otherwise after conversion. */
export const sentenceKeys = {
  query: 'moru.embedding.query_prefix',
  passage: 'moru.embedding.passage_prefix',
  maxTokens: 'moru.embedding.max_tokens',
} as const

/** llama.cpp's LLAMA_POOLING_TYPE: 1 mean, 2 cls, 3 last; 4 rank reads the first token. */
function ggufSettings(file: WeightFile): SentenceSettings {
  const type = file.metadata.get(`${String(file.metadata.get('general.architecture'))}.pooling_type`)
  const modes: Record<number, PoolingMode> = { 1: 'mean', 2: 'cls', 3: 'last', 4: 'cls' }
  const most = file.metadata.get(sentenceKeys.maxTokens)
  return {
    pooling: modes[Number(type)] ?? 'mean',
    normalize: true,
    maxTokens: typeof most === 'number' && most > 2 ? most : null,
    prefixes: { query: textOf(file, sentenceKeys.query), passage: textOf(file, sentenceKeys.passage) },
  }
}

function textOf(file: WeightFile, key: string): string {
  const value = file.metadata.get(key)
  return typeof value === 'string' ? value : ''
}

async function readJson<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S> | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new MoruError(
      'invalid_file',
      `${path} is not as sentence-transformers writes it: ${(cause as Error).message}`,
      { cause },
    )
  }
}
