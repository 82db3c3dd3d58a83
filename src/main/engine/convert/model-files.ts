/** Everything of a model but its weights, in the words of the format it is written in. */
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { MoruError } from '../../../shared/errors'
import { gguf, type GgufMetadata, type GgufValue } from '../formats/gguf-types'
import { ggufMetadataOf } from '../formats/gguf-values'
import type { OutputFolder } from '../formats/output-folder'
import type { TensorType, WeightFile } from '../formats/weight-file'
import type { ModelConfig } from '../models/config'
import { isEncoder } from '../models/load-decoder'
import { readSentenceSettings, sentenceKeys } from '../runtime/sentence-settings'
import { readTokenizerFiles, tokenizerFromFiles, loadTokenizerFromMetadata } from '../tokenizer/load'
import { tokenizerMetadata } from '../tokenizer/to-gguf'
import { tokenizerJsonOf } from '../tokenizer/to-json'
import type { Tokenizer } from '../tokenizer/tokenizer'
import { generationConfig, ggufConfig, transformersConfig, type TokenIds } from './write-config'

/** GGUF's general.file_type, as llama.h's llama_ftype numbers it: the type that most weights have. */
export const fileTypes: Partial<Record<TensorType, number>> = {
  f32: 0,
  f16: 1,
  q4_0: 2,
  q4_1: 3,
  q8_0: 7,
  q5_0: 8,
  q5_1: 9,
  q2_k: 10,
  q3_k: 12,
  q4_k: 15,
  q5_k: 17,
  q6_k: 18,
  bf16: 32,
}

/** Version of GGML's block types; it has not changed since 2023. */
const quantizationVersion = 2

/**
 * GGUF metadata of an open model: its own, or made from config.json and the tokenizer beside it.
 * @param fileType general.file_type; by default what the source says
 * @throws MoruError unsupported where GGUF has no such model or tokenizer, not_found without a tokenizer
 */
export async function ggufMetadataFor(file: WeightFile, config: ModelConfig, fileType?: number): Promise<GgufMetadata> {
  const type: [string, GgufValue][] = fileType === undefined ? [] : [['general.file_type', gguf.u32(fileType)]]
  if (file.format === 'gguf') return new Map([...ggufMetadataOf(file), ...type])
  const folder = dirname(file.paths[0])
  const files = await readTokenizerFiles(folder)
  const tokenizer = tokenizerFromFiles(folder, files)
  const own = ggufConfig(config)
  const architecture = String(own.get('general.architecture')?.value)
  return new Map<string, GgufValue>([
    ['general.architecture', gguf.text(architecture)],
    ['general.type', gguf.text('model')],
    ['general.name', gguf.text(basename(folder))],
    ...own,
    ...(await encoderKeys(file, config, architecture)),
    ...type,
    ['general.quantization_version', gguf.u32(quantizationVersion)],
    ...padded(tokenizerMetadata(files, tokenizer), config.vocabSize),
  ])
}

async function encoderKeys(
  file: WeightFile,
  config: ModelConfig,
  architecture: string,
): Promise<[string, GgufValue][]> {
  if (!isEncoder(config.architecture)) return []
  const { pooling, prefixes, maxTokens } = await readSentenceSettings(file)
  const types: Partial<Record<typeof pooling, number>> = { mean: 1, cls: 2, last: 3 }
  const type = types[pooling]
  if (type === undefined)
    throw new MoruError('unsupported', `GGUF has no ${pooling} pooling. Keep the model as safetensors.`)
  const typeCount = [...file.tensors].find(([name]) => name.endsWith('token_type_embeddings.weight'))?.[1].shape[0]
  return [
    [`${architecture}.pooling_type`, gguf.u32(type)],
    ...(typeCount === undefined
      ? []
      : ([['tokenizer.ggml.token_type_count', gguf.u32(typeCount)]] as [string, GgufValue][])),
    ...(['query', 'passage'] as const).flatMap((kind): [string, GgufValue][] =>
      prefixes[kind] === '' ? [] : [[sentenceKeys[kind], gguf.text(prefixes[kind])]],
    ),
    ...(maxTokens === null ? [] : ([[sentenceKeys.maxTokens, gguf.u32(maxTokens)]] as [string, GgufValue][])),
  ]
}

/** The embedding may have more rows than there are tokens; GGUF wants a token for each. */
function padded(metadata: Map<string, GgufValue>, vocabSize: number): Map<string, GgufValue> {
  const tokens = metadata.get('tokenizer.ggml.tokens')?.value as readonly string[]
  if (tokens.length > vocabSize) {
    const problem = `the tokenizer has ${tokens.length} tokens, but the model an embedding for ${vocabSize} only`
    throw new MoruError('invalid_file', `${problem}: they belong to different models.`)
  }
  const missing = vocabSize - tokens.length
  if (missing === 0) return metadata
  const unused = 5
  const more = Array.from({ length: missing }, (_, i) => `[PAD${tokens.length + i}]`)
  const types = metadata.get('tokenizer.ggml.token_type')?.value as Int32Array
  const scores = metadata.get('tokenizer.ggml.scores')?.value as Float32Array | undefined
  const grown = new Map(metadata)
  grown.set('tokenizer.ggml.tokens', gguf.texts([...tokens, ...more]))
  grown.set('tokenizer.ggml.token_type', gguf.numbers('i32', [...types, ...more.map(() => unused)]))
  if (scores) grown.set('tokenizer.ggml.scores', gguf.numbers('f32', [...scores, ...more.map(() => -10_000)]))
  return grown
}

/** Files beside safetensors that belong to the model; all but config.json are copied as they are. */
const companions = [
  'generation_config.json',
  'tokenizer.json',
  'tokenizer.model',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'vocab.txt',
  'merges.txt',
  'chat_template.jinja',
  'chat_template.json',
  'modules.json',
  'sentence_bert_config.json',
  'config_sentence_transformers.json',
  '1_Pooling/config.json',
] as const
/** The largest published tokenizer.json has 33 MB. */
const largestCompanion = 128 * 1024 * 1024

/**
 * Writes config.json, generation_config.json and the tokenizer's files into a folder: the source's own where it has them, else made
 * from GGUF metadata.
 * @param dtype torch's name of the type that plain weights are written in
 * @param quantization quantization_config, where matrices are quantized
 */
export async function writeFolderFiles(
  output: OutputFolder,
  file: WeightFile,
  config: ModelConfig,
  dtype: 'float32' | 'float16' | 'bfloat16',
  quantization: Record<string, unknown> | null = null,
): Promise<void> {
  const section = quantization ? { quantization_config: quantization } : {}
  if (file.format === 'safetensors') {
    const folder = dirname(file.paths[0])
    const own = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>
    delete own.quantization_config
    delete own.dtype
    await output.writeJson('config.json', { ...own, torch_dtype: dtype, ...section })
    for (const name of companions) await copyCompanion(folder, name, output)
    return
  }
  const { tokenizer } = loadTokenizerFromMetadata(file.metadata)
  const ids = idsOf(tokenizer)
  await output.writeJson('config.json', { ...transformersConfig(config, file, ids, dtype), ...section })
  if (!isEncoder(config.architecture)) await output.writeJson('generation_config.json', generationConfig(config, ids))
  const json = tokenizerJsonOf(file.metadata)
  await output.writeJson('tokenizer.json', json.tokenizer)
  await output.writeJson('tokenizer_config.json', json.config)
  if (isEncoder(config.architecture)) await writePooling(output, file)
}

const idsOf = ({ bosId, eosId, padId }: Tokenizer): TokenIds => ({ bosId, eosId, padId })

async function copyCompanion(folder: string, name: string, output: OutputFolder): Promise<void> {
  const path = join(folder, name)
  const found = await stat(path).catch(() => null)
  if (found?.isFile() && found.size <= largestCompanion) await output.write(name, await readFile(path))
}

/** What sentence-transformers reads: pooling, then vectors of length one. */
async function writePooling(output: OutputFolder, file: WeightFile): Promise<void> {
  const { pooling, prefixes, maxTokens } = await readSentenceSettings(file)
  if (maxTokens !== null) await output.writeJson('sentence_bert_config.json', { max_seq_length: maxTokens })
  if (prefixes.query !== '' || prefixes.passage !== '')
    await output.writeJson('config_sentence_transformers.json', { prompts: prefixes })
  const module = (idx: number, path: string, name: string) => ({
    idx,
    name: String(idx),
    path,
    type: `sentence_transformers.models.${name}`,
  })
  await output.writeJson('modules.json', [
    module(0, '', 'Transformer'),
    module(1, '1_Pooling', 'Pooling'),
    module(2, '2_Normalize', 'Normalize'),
  ])
  await output.writeJson('1_Pooling/config.json', {
    word_embedding_dimension: file.tensors.get('token_embd.weight')?.shape[1],
    pooling_mode_cls_token: pooling === 'cls',
    pooling_mode_mean_tokens: pooling === 'mean',
    pooling_mode_max_tokens: pooling === 'max',
    pooling_mode_mean_sqrt_len_tokens: false,
    pooling_mode_lasttoken: pooling === 'last',
  })
}
