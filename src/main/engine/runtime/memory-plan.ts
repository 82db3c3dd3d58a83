/** What a model will take on the GPU, known before anything is loaded: weights as they will lie there, KV cache, workspace. */
import { type MemoryPlan } from '../../../shared/contract/models'
import { type LoadSettings } from '../../../shared/contract/sampling'
import { elementsOf, type TensorInfo } from '../formats/weight-file'
import { type ModelConfig } from '../models/config'
import { isEncoder } from '../models/load-decoder'
import { paddedHeadDim } from '../models/padding'
import { blockTokens } from '../kernels/attention'
import { orderedTokens, roundedBytes } from '../layers/weights'
import { kvBytesPerToken as bytesPerToken } from '../layers/kv-cache'
import { layoutOfTensor, packedBytes } from '../quant/packed-layout'
import { encoderMemoryBytes } from './encoder-runner'
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

type Figures = Omit<MemoryPlan, 'availableBytes' | 'fits' | 'reason'>

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
  if (isEncoder(config.architecture)) return planEncoder(config, weightsBytes, limits)
  const figures = (contextLength: number): Figures => {
    const kvBytesPerToken = bytesPerToken({ ...config, headDim: paddedHeadDim(config), kvType: load.kvType })
    const kvBytes = Math.ceil(contextLength / blockTokens) * blockTokens * kvBytesPerToken
    const workspaceBytes = workspace(config, load, contextLength, limits.stepTokens ?? 512)
    const totalBytes = weightsBytes + kvBytes + workspaceBytes
    return { weightsBytes, kvBytesPerToken, kvBytes, workspaceBytes, contextLength, totalBytes }
  }
  const longest = longestContext(config, figures, limits)
  const plan = figures(load.contextLength ?? Math.min(config.contextLength, Math.max(longest, leastContext)))
  const reason = whyNot(plan, config, limits, longest)
  return { ...plan, availableBytes: limits.availableBytes, fits: reason === null, reason }
}

/** An encoder keeps nothing from one batch to the next, and no setting changes what it takes. */
function planEncoder(config: ModelConfig, weightsBytes: number, limits: MemoryLimits): MemoryPlan {
  const { contextLength } = config
  const workspaceBytes = encoderMemoryBytes(config, Math.max(limits.stepTokens ?? 512, contextLength))
  const totalBytes = weightsBytes + workspaceBytes
  const plan = { weightsBytes, kvBytesPerToken: 0, kvBytes: 0, workspaceBytes, totalBytes, contextLength }
  const { availableBytes } = limits
  const fits = availableBytes === null || totalBytes <= availableBytes
  const reason = `It needs ${figure(totalBytes)} (${figure(weightsBytes)} of weights, ${figure(workspaceBytes)} to work in), and this adapter allows ${figure(availableBytes ?? 0)}.`
  return { ...plan, availableBytes, fits, reason: fits ? null : reason }
}

/** Bytes of all weights in the packed layouts of their types; vectors and positions are f32, integer tensors stay behind. */
function weightBytes(config: ModelConfig, tensors: Iterable<TensorInfo>, lanes: number): number {
  let sum = 0
  let longestOrder = 0
  let longestRounded = 0
  for (const tensor of tensors) {
    const { name, shape, type, quantized } = tensor
    // A tied head that a file holds nevertheless is not loaded a second time.
    if (config.tieWordEmbeddings && /(^|\.)lm_head\.weight$/.test(name)) continue
    if (/^[iu]\d+$/.test(type)) continue
    const elements = elementsOf(shape)
    if (shape.length < 2) {
      sum += 4 * Math.ceil(elements / 4) * 4
      continue
    }
    const cols = shape[shape.length - 1]
    const { weights, scales, highBits } = packedBytes(layoutOfTensor(tensor), elements / cols, cols, lanes)
    sum += weights + scales + highBits
    if (layoutOfTensor(tensor).inputThreshold !== undefined) longestRounded = Math.max(longestRounded, cols)
    if (quantized?.ordered) {
      sum += 4 * cols
      longestOrder = Math.max(longestOrder, cols)
    }
  }
  const rounded = longestRounded > 0 ? Object.values(roundedBytes(longestRounded)) : []
  return sum + orderedTokens * longestOrder * 4 + rounded.reduce((all, bytes) => all + bytes, 0)
}

/** Everything a step works in, as the runtime allocates it. */
function workspace(config: ModelConfig, load: LoadSettings, contextLength: number, tokens: number): number {
  const sizes = { tokens, contextLength, blocks: Math.ceil(contextLength / blockTokens), activations: load.computeType }
  const { tiles, ...others } = workspaceBytes(config, sizes)
  // Sixteen bytes stand in for bindings that a variant does not read: one with the weights, one with the workspace.
  return Object.values(others).reduce((sum, bytes) => sum + bytes, tileBufferCount * tiles + 32)
}

/** Most tokens that fit, whole blocks unless it is all that the model was made for; 0 when none do. */
function longestContext(
  config: ModelConfig,
  figures: (contextLength: number) => Figures,
  limits: MemoryLimits,
): number {
  const { kvBytesPerToken } = figures(0)
  const fits = (contextLength: number) =>
    contextLength <= tokensOfOneLayer(config, kvBytesPerToken, limits) &&
    (limits.availableBytes === null || figures(contextLength).totalBytes <= limits.availableBytes)
  if (fits(config.contextLength)) return config.contextLength
  let least = 0
  let most = Math.ceil(config.contextLength / blockTokens)
  while (most - least > 1) {
    const middle = Math.floor((least + most) / 2)
    if (fits(middle * blockTokens)) least = middle
    else most = middle
  }
  return least * blockTokens
}

/** Tokens whose keys (or values) of one layer a single binding holds. */
function tokensOfOneLayer(config: ModelConfig, kvBytesPerToken: number, limits: MemoryLimits): number {
  const layerBytes = kvBytesPerToken / (2 * config.layers)
  return Math.floor(Math.min(limits.maxBufferBytes, limits.maxBindingBytes) / layerBytes)
}

function whyNot(plan: Figures, config: ModelConfig, limits: MemoryLimits, longest: number): string | null {
  const { contextLength, kvBytesPerToken, totalBytes } = plan
  if (learnsPositions(config) && contextLength > config.contextLength)
    return `The model knows ${config.contextLength} positions, and a context of ${contextLength} tokens was asked for.`
  const most = tokensOfOneLayer(config, kvBytesPerToken, limits)
  if (contextLength > most)
    return `A context of ${contextLength} tokens is too long for this adapter's buffers, which hold ${most} tokens a layer. Choose a shorter one.`
  if (limits.availableBytes === null || totalBytes <= limits.availableBytes) return null
  const parts = `${figure(plan.weightsBytes)} of weights, ${figure(plan.kvBytes)} of keys and values for ${contextLength} tokens, ${figure(plan.workspaceBytes)} to work in`
  const remedy =
    longest >= Math.min(leastContext, config.contextLength)
      ? `A context of ${longest} tokens would fit.`
      : 'Choose a smaller model, or one with fewer bits a weight.'
  return `It needs ${figure(totalBytes)} (${parts}), and this adapter allows ${figure(limits.availableBytes)}. ${remedy}`
}

/** Positions are a table of so many rows: there is nothing past its end. */
const learnsPositions = (config: ModelConfig) => config.architecture === 'gpt2' || config.architecture === 'opt'

const figure = (bytes: number) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`)
