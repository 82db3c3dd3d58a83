/** From a model's files to a decoder or encoder on the GPU: the one table of architectures. */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MoruError } from '../../../shared/errors'
import { type Gpu } from '../device/gpu'
import { type WeightFile } from '../formats/weight-file'
import { runBlock, runPostNormBlock } from '../layers/block'
import { type Step } from '../layers/step'
import { WeightLoader, type WeightLoaderOptions } from '../layers/weight-loader'
import { type WeightBuffers } from '../layers/weights'
import { bert } from './bert'
import { bloom } from './bloom'
import { type Architecture, type ModelConfig } from './config'
import { type Decoder, type DecoderEnds, type DecoderLoader, loadWhole, runEmbedding } from './decoder'
import { type Encoder, type EncoderLoader, loadWholeEncoder, runEncoderEmbedding } from './encoder'
import { gemma3 } from './gemma3'
import { gpt2 } from './gpt2'
import { llama } from './llama'
import { opt } from './opt'
import { readTransformersConfig } from './read-config'
import { readGgufConfig } from './read-gguf-config'
import { tensorNames } from './tensor-names'

const decoders: Partial<Record<Architecture, (w: WeightLoader, c: ModelConfig) => DecoderLoader>> = {
  llama,
  mistral: llama,
  qwen2: llama,
  qwen3: llama,
  gemma3,
  opt,
  gpt2,
  bloom,
}

/** Hyperparameters of an open model: GGUF's own, or config.json (and generation_config.json) beside safetensors. */
export async function readModelConfig(file: WeightFile): Promise<ModelConfig> {
  if (file.format === 'gguf') return readGgufConfig(file)
  const folder = dirname(file.paths[0])
  const config = await readJson(join(folder, 'config.json'))
  if (config === undefined)
    throw new MoruError('not_found', `${folder} holds no config.json; a safetensors model needs it beside its weights.`)
  return readTransformersConfig(config, await readJson(join(folder, 'generation_config.json')))
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MoruError('invalid_file', `${path} is not JSON: ${(cause as Error).message}`, { cause })
  }
}

const encoders: Partial<Record<Architecture, (w: WeightLoader, c: ModelConfig) => EncoderLoader>> = {
  bert,
  roberta: bert,
  'xlm-roberta': bert,
}

export const isEncoder = (architecture: Architecture): boolean => architecture in encoders

export type LoadWeightsOptions = Omit<WeightLoaderOptions, 'nameOf'>

/** Puts a decoder's weights on the GPU. Releases everything again when it fails. Throws unsupported for encoders. */
export async function loadDecoder(
  gpu: Gpu,
  file: WeightFile,
  config: ModelConfig,
  options: LoadWeightsOptions = {},
): Promise<Decoder> {
  const open = loaderOf(config)
  return loadWeights(gpu, file, config, options, (w) => loadWhole(w, config, open(w, config)))
}

function loaderOf({ architecture }: ModelConfig): (w: WeightLoader, c: ModelConfig) => DecoderLoader {
  const loader = decoders[architecture]
  if (loader) return loader
  throw new MoruError('unsupported', `A ${architecture} model does not generate text: it is an encoder.`)
}

/** A part of a model on the GPU, as what it does to a step's workspace.hidden, and the buffers that hold it, to be released by the caller. */
export interface LoadedPart {
  run: (step: Step) => void
  buffers: WeightBuffers
}

/** What makes the first block's input, alone. Throws what loading weights throws. */
export function loadEmbedding(
  gpu: Gpu,
  file: WeightFile,
  config: ModelConfig,
  options: LoadWeightsOptions = {},
): Promise<LoadedPart> {
  return loadWeights(gpu, file, config, options, async (w) => {
    const { buffers } = w
    const encoder = encoders[config.architecture]?.(w, config)
    if (encoder) {
      const embedding = await encoder.embedding()
      return { run: (step) => runEncoderEmbedding(step, embedding), buffers }
    }
    const ends = await loaderOf(config)(w, config).ends()
    return { run: (step) => runEmbedding(step, ends), buffers }
  })
}

/** What comes before a decoder's first block and after its last, alone. Throws what loading weights throws, unsupported for encoders. */
export function loadEnds(
  gpu: Gpu,
  file: WeightFile,
  config: ModelConfig,
  options: LoadWeightsOptions = {},
): Promise<LoadedPart & Pick<DecoderEnds, 'finalNorm' | 'head'>> {
  const open = loaderOf(config)
  return loadWeights(gpu, file, config, options, async (w) => {
    const ends = await open(w, config).ends()
    const { finalNorm, head } = ends
    return { run: (step) => runEmbedding(step, ends), finalNorm, head, buffers: w.buffers }
  })
}

/** One block alone. Throws what loading weights throws. */
export function loadBlock(
  gpu: Gpu,
  file: WeightFile,
  config: ModelConfig,
  layer: number,
  options: LoadWeightsOptions = {},
): Promise<LoadedPart> {
  const prefix = `blk.${layer}`
  return loadWeights(gpu, file, config, options, async (w) => {
    const { buffers } = w
    const encoder = encoders[config.architecture]?.(w, config)
    if (encoder) {
      const block = await encoder.block(prefix, layer)
      return { run: (step) => runPostNormBlock(step, block), buffers }
    }
    const block = await loaderOf(config)(w, config).block(prefix, layer)
    return { run: (step) => runBlock(step, block), buffers }
  })
}

/** Puts an encoder's weights on the GPU. Releases everything again when it fails. Throws unsupported for decoders. */
export async function loadEncoder(
  gpu: Gpu,
  file: WeightFile,
  config: ModelConfig,
  options: LoadWeightsOptions = {},
): Promise<Encoder> {
  const open = encoders[config.architecture]
  if (!open)
    throw new MoruError(
      'unsupported',
      `A ${config.architecture} model does not make embeddings: choose an encoder (BERT, RoBERTa, XLM-RoBERTa).`,
    )
  return loadWeights(gpu, file, config, options, (w) => loadWholeEncoder(w, config, open(w, config)))
}

async function loadWeights<M>(
  gpu: Gpu,
  file: WeightFile,
  config: ModelConfig,
  options: LoadWeightsOptions,
  load: (w: WeightLoader, c: ModelConfig) => Promise<M>,
): Promise<M> {
  const w = await WeightLoader.open(gpu, file, { nameOf: tensorNames(file, config.architecture), ...options })
  try {
    const model = await load(w, config)
    w.finish()
    return model
  } catch (error) {
    w.buffers.release()
    throw error
  }
}
