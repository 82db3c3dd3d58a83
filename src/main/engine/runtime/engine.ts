/** The engine: opens the GPU, loads models, and opens the GPU again when it was lost. */
import { dirname } from 'node:path'
import { MoruError, throwIfCancelled, toMoruError } from '../../../shared/errors'
import { type MemoryPlan } from '../../../shared/contract/models'
import { type LoadSettings } from '../../../shared/contract/sampling'
import { Gpu, type AdapterReport, type GpuOptions } from '../device/gpu'
import { openModelFile } from '../formats/model-file'
import { type WeightFile } from '../formats/weight-file'
import { blockTokens } from '../kernels/attention'
import { type LoadProgress } from '../layers/weight-loader'
import { type ModelConfig } from '../models/config'
import { type Decoder } from '../models/decoder'
import { loadDecoder, loadEncoder, readModelConfig } from '../models/load-decoder'
import { idsOnly } from '../tokenizer/ids-only'
import { loadTokenizerFromFolder, loadTokenizerFromMetadata, type LoadedTokenizer } from '../tokenizer/load'
import { Embedder } from './embedder'
import { EncoderRunner } from './encoder-runner'
import { LoadedModel } from './loaded-model'
import { type MemoryLimits, planMemory } from './memory-plan'
import { ModelRunner } from './model-runner'
import { readSentenceSettings } from './sentence-settings'

export interface LoadOptions {
  load: LoadSettings
  onProgress?: (progress: LoadProgress) => void
  signal?: AbortSignal
}

export interface LoadEmbedderOptions extends Omit<LoadOptions, 'load'> {
  /** Quantizes matrices that are stored as floats to 8 bits while loading. */
  int8?: boolean
}

/** Tokenizer and chat template of an open model. */
export function loadTokenizer(file: WeightFile): Promise<LoadedTokenizer> {
  return file.format === 'gguf'
    ? Promise.resolve(loadTokenizerFromMetadata(file.metadata))
    : loadTokenizerFromFolder(dirname(file.paths[0]))
}

/** The tokenizer, or one that knows ids alone where the model comes without. */
function loadTokenizerOrNone(file: WeightFile, config: ModelConfig): Promise<LoadedTokenizer> {
  return loadTokenizer(file).catch((thrown: unknown): LoadedTokenizer => {
    const error = toMoruError(thrown)
    if (error.code !== 'not_found') throw error
    return { tokenizer: idsOnly(config, error), chatTemplate: null }
  })
}

export class Engine {
  private readonly options: GpuOptions
  private gpu: Gpu | null = null
  private opening: Promise<Gpu> | null = null
  private readonly models = new Set<LoadedModel | Embedder>()

  constructor(options: GpuOptions = {}) {
    this.options = options
  }

  /** Bytes of GPU memory in use. */
  get memoryBytes(): number {
    return this.gpu?.allocatedBytes ?? 0
  }

  /** null while the device is closed or lost. */
  get adapter(): AdapterReport | null {
    return this.gpu && !trouble(this.gpu) ? this.gpu.report : null
  }

  /** The device, opened (again) if need be: also after it refused a command, for then nothing on it is sure. Throws no_adapter. */
  async open(): Promise<Gpu> {
    if (this.gpu && !trouble(this.gpu)) return this.gpu
    return (this.opening ??= this.reopen().finally(() => (this.opening = null)))
  }

  /** What the adapter leaves for a model, beside what is loaded. */
  async limits(): Promise<MemoryLimits> {
    const gpu = await this.open()
    return {
      maxBufferBytes: gpu.maxBufferBytes,
      maxBindingBytes: gpu.maxBindingBytes,
      availableBytes: Number.isFinite(gpu.memoryBytes) ? gpu.memoryBytes - gpu.allocatedBytes : null,
      lanes: gpu.profile.lanes,
      stepTokens: gpu.profile.stepTokens,
    }
  }

  /**
   * Loads a model from a file or folder. Nothing stays behind when it fails.
   * Throws not_found, invalid_file, unsupported, out_of_memory (with the plan's figures), cancelled, no_adapter, device_lost.
   */
  async load(path: string, options: LoadOptions): Promise<LoadedModel> {
    const file = await openModelFile(path)
    try {
      return await this.loadFrom(file, options)
    } finally {
      await file.close()
    }
  }

  /** Loads a model from an open file, which stays the caller's to close. Throws what `load` throws. */
  async loadFrom(file: WeightFile, { load, onProgress, signal }: LoadOptions): Promise<LoadedModel> {
    const start = performance.now()
    throwIfCancelled(signal)
    const config = await readModelConfig(file)
    const { tokenizer, chatTemplate } = await loadTokenizerOrNone(file, config)
    const gpu = await this.open()
    throwIfCancelled(signal)
    const actual = { ...load, computeType: gpu.profile.halfFloats ? load.computeType : ('f32' as const) }
    const plan = await this.plan(config, file, actual)
    const decoder = await loadDecoder(gpu, file, config, { onProgress, signal, fused: load.fused })
    const runner = await openRunner(gpu, decoder, actual, plan.contextLength, signal)
    const loadMs = performance.now() - start
    const model = new LoadedModel({ gpu, runner, tokenizer, template: chatTemplate, loadMs })
    this.models.add(model)
    return model
  }

  /**
   * Loads an encoder for embeddings or, where it has a classifier with one logit, for ranking pairs. Nothing stays behind when it fails.
   * Throws what `load` throws; unsupported for models that generate text.
   */
  async loadEmbedder(path: string, { int8, onProgress, signal }: LoadEmbedderOptions = {}): Promise<Embedder> {
    const start = performance.now()
    const file = await openModelFile(path)
    try {
      const config = await readModelConfig(file)
      const settings = await readSentenceSettings(file)
      const { tokenizer } = await loadTokenizer(file)
      const gpu = await this.open()
      const encoder = await loadEncoder(gpu, file, config, { onProgress, signal, int8 })
      const longest = Math.min(settings.maxTokens ?? Infinity, config.contextLength)
      const runner = await EncoderRunner.open(gpu, encoder, Math.max(gpu.profile.stepTokens, longest)).catch(
        (error: unknown) => {
          encoder.buffers.release()
          throw error
        },
      )
      const embedder = new Embedder({ runner, tokenizer, settings, loadMs: performance.now() - start })
      this.models.add(embedder)
      return embedder
    } finally {
      await file.close()
    }
  }

  async unload(model: LoadedModel | Embedder): Promise<void> {
    this.models.delete(model)
    await model.close(new MoruError('model_not_loaded', 'The model was unloaded.'))
  }

  async close(): Promise<void> {
    for (const model of this.models) await this.unload(model)
    // Dawn takes the process down when its device goes with work pending.
    if (this.gpu && !trouble(this.gpu)) await this.gpu.idle()
    this.gpu?.destroy()
    this.gpu = null
  }

  private async reopen(): Promise<Gpu> {
    const before = this.gpu
    if (before) {
      const reason = trouble(before) ?? new MoruError('device_lost', 'The GPU device was lost.')
      for (const model of this.models) await model.close(reason)
      before.destroy()
    }
    this.models.clear()
    return (this.gpu = await Gpu.open(this.options))
  }

  private async plan(config: ModelConfig, file: WeightFile, load: LoadSettings): Promise<MemoryPlan> {
    const plan = planMemory(config, file.tensors.values(), load, await this.limits())
    // A longer context than the model has positions is a wrong setting, not a lack of memory.
    if (!plan.fits && plan.totalBytes <= (plan.availableBytes ?? Infinity) && plan.contextLength > config.contextLength)
      throw new MoruError('invalid_input', plan.reason ?? '', { details: { ...plan } })
    if (!plan.fits)
      throw new MoruError('out_of_memory', `The model does not fit. ${plan.reason}`, { details: { ...plan } })
    return plan
  }
}

/** What keeps a device from being used, if anything does. */
function trouble(gpu: Gpu): MoruError | null {
  try {
    gpu.check()
    return null
  } catch (error) {
    return toMoruError(error)
  }
}

/** A default context that the plan allows but the driver does not is halved this far. */
const leastContext = 512

/**
 * Cache and workspace for a decoder, which is released when that fails. Without a context length in the settings, shorter
 * ones are tried when the driver has less memory than the plan thought.
 */
async function openRunner(
  gpu: Gpu,
  decoder: Decoder,
  load: LoadSettings,
  contextLength: number,
  signal: AbortSignal | undefined,
): Promise<ModelRunner> {
  try {
    for (let length = contextLength; ; length = Math.max(leastContext, Math.floor(length / 2))) {
      throwIfCancelled(signal)
      const blocks = Math.ceil(length / blockTokens)
      const options = { activations: load.computeType, kvType: load.kvType, contextLength: length, blocks }
      try {
        return await ModelRunner.open(gpu, decoder, options)
      } catch (error) {
        const shorter = load.contextLength === null && length > leastContext
        if (!shorter || toMoruError(error).code !== 'out_of_memory') throw error
      }
    }
  } catch (error) {
    decoder.buffers.release()
    throw error
  }
}
