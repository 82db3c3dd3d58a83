/** What a model will take on the GPU, known before anything is loaded: weights as they will lie there, KV cache, workspace. */
import { type MemoryPlan } from '../../../shared/contract/models'
import { type LoadSettings } from '../../../shared/contract/sampling'
import { type TensorInfo } from '../formats/weight-file'
import { type ModelConfig } from '../models/config'
import { blockTokens } from '../kernels/attention'
import { kvBytesPerToken as bytesPerToken } from '../layers/kv-cache'
import { layoutOf, packedBytes } from '../quant/packed-layout'
import { tileBufferCount, workspaceBytes } from './workspace'

/** What an adapter allows. */
export interface MemoryLimits {
  maxBufferBytes: number
  /** Most a kernel can bind of one buffer. */
  maxBindingBytes: number
  /** For everything together; null where nobody says. */
  availableBytes: number | null
  /** Lanes of the device profile: rows of weights are padded to four times as many. */
  lanes?: number
  /** Tokens of one forward pass. */
  stepTokens?: number
}

/** A model that cannot hold even so many tokens is of no use. */
const leastContext = 512

/**
 * The plan for a model with these load settings. Without a context length in them, the longest that the model was made for
 * and that fits. Pure: nothing is allocated. A model that does not fit gets `fits: false` and a reason with figures.
 */
export function planMemory(
  config: ModelConfig,
  tensors: Iterable<TensorInfo>,
  load: LoadSettings,
  limits: MemoryLimits,
): MemoryPlan {
  const weightsBytes = weightBytes(config, tensors, limits.lanes ?? 32)
  const kvBytesPerToken = bytesPerToken({ ...config, kvType: load.kvType })
  const workspaceBytes = workspace(config, load, limits.stepTokens ?? 512)
  const contextLength =
    load.contextLength ?? longestContext(config, kvBytesPerToken, weightsBytes + workspaceBytes, limits)
  const kvBytes = Math.ceil(contextLength / blockTokens) * blockTokens * kvBytesPerToken
  const plan = { weightsBytes, kvBytesPerToken, kvBytes, workspaceBytes, contextLength }
  const totalBytes = weightsBytes + kvBytes + workspaceBytes
  const reason = whyNot({ ...plan, totalBytes }, config, limits)
  return { ...plan, totalBytes, availableBytes: limits.availableBytes, fits: reason === null, reason }
}

/** Bytes of all weights in the packed layouts of their types; vectors and positions are f32, integer tensors stay behind. */
function weightBytes(config: ModelConfig, tensors: Iterable<TensorInfo>, lanes: number): number {
  let sum = 0
  for (const { name, shape, type } of tensors) {
    // A tied head that a file holds nevertheless is not loaded a second time.
    if (config.tieWordEmbeddings && /(^|\.)lm_head\.weight$/.test(name)) continue
    if (/^[iu]\d+$/.test(type)) continue
    const elements = shape.reduce((product, length) => product * length, 1)
    if (shape.length < 2) {
      sum += 4 * Math.ceil(elements / 4) * 4
      continue
    }
    const cols = shape[shape.length - 1]
    const { weights, scales, highBits } = packedBytes(layoutOf(type), elements / cols, cols, lanes)
    sum += weights + scales + highBits
  }
  return sum
}

/** Everything a step works in, as the runtime allocates it. */
function workspace(config: ModelConfig, load: LoadSettings, tokens: number): number {
  const contextLength = load.contextLength ?? config.contextLength
  const sizes = { tokens, contextLength, blocks: Math.ceil(contextLength / blockTokens), activations: load.computeType }
  const { tiles, ...others } = workspaceBytes(config, sizes)
  return Object.values(others).reduce((sum, bytes) => sum + bytes, tileBufferCount * tiles)
}

/** Tokens that fit beside `otherBytes`, at most what the model was made for; the least context when fewer would fit. */
function longestContext(
  config: ModelConfig,
  kvBytesPerToken: number,
  otherBytes: number,
  limits: MemoryLimits,
): number {
  const free = limits.availableBytes === null ? Infinity : limits.availableBytes - otherBytes
  const fitting = Math.min(free / kvBytesPerToken, tokensOfOneLayer(config, kvBytesPerToken, limits))
  const whole = Math.floor(fitting / blockTokens) * blockTokens
  return Math.min(config.contextLength, Math.max(whole, leastContext))
}

/** Tokens whose keys (or values) of one layer a single binding holds. */
function tokensOfOneLayer(config: ModelConfig, kvBytesPerToken: number, limits: MemoryLimits): number {
  const layerBytes = kvBytesPerToken / (2 * config.layers)
  return Math.floor(Math.min(limits.maxBufferBytes, limits.maxBindingBytes) / layerBytes)
}

function whyNot(
  plan: Pick<
    MemoryPlan,
    'weightsBytes' | 'kvBytes' | 'workspaceBytes' | 'totalBytes' | 'contextLength' | 'kvBytesPerToken'
  >,
  config: ModelConfig,
  limits: MemoryLimits,
): string | null {
  const most = tokensOfOneLayer(config, plan.kvBytesPerToken, limits)
  if (plan.contextLength > most)
    return `A context of ${plan.contextLength} tokens is too long for this adapter's buffers, which hold ${most} tokens a layer. Choose a shorter one.`
  if (limits.availableBytes === null || plan.totalBytes <= limits.availableBytes) return null
  const parts = `${figure(plan.weightsBytes)} of weights, ${figure(plan.kvBytes)} of keys and values for ${plan.contextLength} tokens, ${figure(plan.workspaceBytes)} to work in`
  const kept = plan.weightsBytes + plan.workspaceBytes
  const remedy =
    kept + leastContext * plan.kvBytesPerToken <= limits.availableBytes
      ? `A context of ${Math.floor((limits.availableBytes - kept) / plan.kvBytesPerToken / blockTokens) * blockTokens} tokens would fit.`
      : 'Choose a smaller model, or one with fewer bits a weight.'
  return `It needs ${figure(plan.totalBytes)} (${parts}), and this adapter allows ${figure(limits.availableBytes)}. ${remedy}`
}

const figure = (bytes: number) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`)
