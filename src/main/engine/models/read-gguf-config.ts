/** Reads a model's hyperparameters from GGUF metadata. Keys: gguf-py's constants.py; meanings: llama.cpp's load_hparams. */
import type { WeightFile } from '../formats/weight-file'
import { dequantize } from '../quant/blocks/dequantize'
import { checkConfig } from './check-config'
import type { Architecture, ModelConfig, RopeConfig, YarnScaling } from './config'
import { bounds, ConfigValues, show } from './config-values'
import { yarnMagnitude } from './rope-config'

/** Mistral's files say llama: the two differ in nothing but the window, which has a key of its own. */
const architectures: readonly Architecture[] = ['llama', 'qwen2', 'qwen3', 'gemma3', 'gpt2', 'bloom', 'bert']
const withRope: ReadonlySet<Architecture> = new Set(['llama', 'qwen2', 'qwen3', 'gemma3'])
const ropeFactors = 'rope_freqs.weight'

/**
 * @param file a GGUF model; only metadata and, where there is one, the short tensor rope_freqs.weight are read
 * @throws MoruError invalid_file naming the key, or unsupported for architectures and variants without an implementation
 */
export async function readGgufConfig(file: WeightFile): Promise<ModelConfig> {
  const values = new ConfigValues('GGUF metadata', (key) => file.metadata.get(key))
  const architecture = readArchitecture(values)
  const key = (name: string): string[] => [`${architecture}.${name}`]
  const hiddenDim = values.integer(key('embedding_length'), bounds.hiddenDim)
  const layers = values.integer(key('block_count'), bounds.layers)
  const heads = perLayer(values, key('attention.head_count')[0])
  const headDim = values.integer(key('attention.key_length'), bounds.headDim, hiddenDim / heads)
  values.demand(key('attention.value_length')[0], headDim, `values must be as long as keys (${headDim})`)
  const vocabSize = readVocabSize(values, file, key('vocab_size'), hiddenDim)
  return checkConfig(values, {
    architecture,
    vocabSize,
    layers,
    hiddenDim,
    ffnDim: values.integer(key('feed_forward_length'), bounds.ffnDim),
    heads,
    kvHeads: values.has(key('attention.head_count_kv')[0])
      ? perLayer(values, key('attention.head_count_kv')[0])
      : heads,
    headDim,
    contextLength: values.integer(key('context_length'), bounds.tokens),
    normEps: values.number(
      [...key('attention.layer_norm_rms_epsilon'), ...key('attention.layer_norm_epsilon')],
      bounds.normEps,
    ),
    activation: readActivation(architecture),
    ...(await readRopes(architecture, values, file, headDim)),
    ...readWindows(architecture, values, layers),
    attentionScale: readAttentionScale(architecture, values, { hiddenDim, heads, headDim, layers }),
    tieWordEmbeddings: !file.tensors.has('output.weight'),
    eosTokenIds: readEnds(values, vocabSize),
  })
}

function readArchitecture(values: ConfigValues): Architecture {
  const name = values.get('general.architecture')
  if (typeof name !== 'string') throw values.fault('general.architecture', 'is missing')
  const known = architectures.find((architecture) => architecture === name)
  if (known) return known
  const list = architectures.join(', ')
  throw values.unsupported('general.architecture', `is ${show(name)}, which Moru does not have (it has ${list})`)
}

/** A number of heads; some files list it layer by layer, which is fine while all layers agree. */
function perLayer(values: ConfigValues, key: string): number {
  const value = values.get(key)
  if (typeof value !== 'object') return values.integer([key], bounds.heads)
  const counts = Array.from(value as ArrayLike<unknown>)
  const listed = new ConfigValues(values.origin, () => counts[0])
  if (counts.every((count) => count === counts[0])) return listed.integer([key], bounds.heads)
  throw values.unsupported(key, 'differs between layers, which is not implemented')
}

/** The vocabulary's length; the embedding, when the file has weights, must have a row for each of its tokens. */
function readVocabSize(values: ConfigValues, file: WeightFile, keys: string[], hiddenDim: number): number {
  const tokens = values.get('tokenizer.ggml.tokens')
  const listed = Array.isArray(tokens) ? tokens.length : undefined
  const embedding = file.tensors.get('token_embd.weight')?.shape
  const vocabSize = listed ?? values.integer(keys, bounds.vocabSize, embedding?.[0])
  if (!embedding || (embedding.length === 2 && embedding[0] === vocabSize && embedding[1] === hiddenDim))
    return vocabSize
  const problem = `is [${embedding.join(', ')}], but the vocabulary has ${vocabSize} tokens of ${hiddenDim} dimensions`
  throw values.fault('token_embd.weight', problem)
}

function readActivation(architecture: Architecture): ModelConfig['activation'] {
  if (architecture === 'bert') return 'gelu'
  return architecture === 'gemma3' || architecture === 'gpt2' || architecture === 'bloom' ? 'gelu_tanh' : 'silu'
}

async function readRopes(
  architecture: Architecture,
  values: ConfigValues,
  file: WeightFile,
  headDim: number,
): Promise<Pick<ModelConfig, 'rope' | 'localRope'>> {
  if (!withRope.has(architecture)) return { rope: null, localRope: null }
  const gemma = architecture === 'gemma3'
  const theta = values.number([`${architecture}.rope.freq_base`], bounds.ropeTheta, gemma ? 1_000_000 : 10_000)
  const dim = values.integer([`${architecture}.rope.dimension_count`], bounds.headDim, headDim)
  const scaling = (await readFactors(file)) ?? readScaling(architecture, values)
  const rope: RopeConfig = { theta, dim, scaling }
  if (!gemma) return { rope, localRope: null }
  const localTheta = values.number(['gemma3.rope.freq_base_swa'], bounds.ropeTheta, 10_000)
  return { rope, localRope: { theta: localTheta, dim, scaling: { kind: 'none' } } }
}

/** Llama 3's scaling, which its converter writes as a divisor for each frequency. */
async function readFactors(file: WeightFile): Promise<RopeConfig['scaling'] | null> {
  const tensor = file.tensors.get(ropeFactors)
  if (!tensor) return null
  const values = new ConfigValues('GGUF tensors', () => undefined)
  const [count] = tensor.shape
  if (tensor.shape.length !== 1 || count > bounds.headDim.most || tensor.type !== 'f32') {
    throw values.fault(ropeFactors, `is ${tensor.type} [${tensor.shape.join(', ')}], not a short f32 vector`)
  }
  const factors = Array.from(dequantize('f32', await file.read(ropeFactors, 0, tensor.sizeBytes), count))
  if (factors.every((factor) => factor > 0 && Number.isFinite(factor))) return { kind: 'factors', factors }
  throw values.fault(ropeFactors, 'holds a factor that is not a positive number')
}

function readScaling(architecture: Architecture, values: ConfigValues): RopeConfig['scaling'] {
  const typeKey = `${architecture}.rope.scaling.type`
  // Files from before rope.scaling.type have rope.scale_linear alone.
  const factorKeys = [`${architecture}.rope.scaling.factor`, `${architecture}.rope.scale_linear`]
  const type = values.get(typeKey) ?? (values.has(factorKeys[1]) ? 'linear' : 'none')
  if (type === 'none') return { kind: 'none' }
  const factor = values.number(factorKeys, bounds.factor, 1)
  if (type === 'yarn') return readYarn(architecture, values, factor)
  if (type !== 'linear') throw values.unsupported(typeKey, `is ${show(type)}; Moru knows none, linear and yarn`)
  return factor === 1 ? { kind: 'none' } : { kind: 'linear', factor }
}

function readYarn(architecture: Architecture, values: ConfigValues, factor: number): YarnScaling {
  const number = (name: string, fallback: number): number =>
    values.number([`${architecture}.rope.scaling.${name}`], bounds.factor, fallback)
  return {
    kind: 'yarn',
    factor,
    originalContextLength: values.integer(
      [`${architecture}.rope.scaling.original_context_length`, `${architecture}.context_length`],
      bounds.tokens,
    ),
    betaFast: number('yarn_beta_fast', 32),
    betaSlow: number('yarn_beta_slow', 1),
    truncate: true,
    attentionFactor: number('attn_factor', 1) * yarnMagnitude(factor),
  }
}

function readWindows(
  architecture: Architecture,
  values: ConfigValues,
  layers: number,
): Pick<ModelConfig, 'slidingWindow' | 'slidingLayers'> {
  const key = `${architecture}.attention.sliding_window`
  const layer = Array.from({ length: layers }, (_, i) => i)
  const window = values.get(key) === 0 ? null : values.has(key) ? values.integer([key], bounds.tokens) : null
  if (window === null) return { slidingWindow: null, slidingLayers: layer.map(() => false) }
  // Five of six layers of Gemma 3 slide; the file does not say so.
  return { slidingWindow: window, slidingLayers: layer.map((i) => architecture !== 'gemma3' || (i + 1) % 6 !== 0) }
}

/** Gemma 3's largest model, known by its 62 layers, divides by another number than its head size. */
function readAttentionScale(
  architecture: Architecture,
  values: ConfigValues,
  { hiddenDim, heads, headDim, layers }: Pick<ModelConfig, 'hiddenDim' | 'heads' | 'headDim' | 'layers'>,
): number {
  const stated = `${architecture}.attention.scale`
  if (values.has(stated)) return 1 / values.number([stated], { least: 1e-6, most: 1e6 })
  return Math.sqrt(architecture === 'gemma3' && layers === 62 ? hiddenDim / heads : headDim)
}

function readEnds(values: ConfigValues, vocabSize: number): number[] {
  const keys = ['eos_token_id', 'eot_token_id', 'eom_token_id']
  return [...new Set(keys.flatMap((key) => values.tokenIds(`tokenizer.ggml.${key}`, vocabSize)))]
}
