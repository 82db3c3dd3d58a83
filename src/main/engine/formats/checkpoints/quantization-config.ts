/** What a checkpoint says about its quantization: in config.json, or in the file that older tools wrote beside it. */
import { dirname, join } from 'node:path'
import { MoruError } from '../../../../shared/errors'
import { figure } from '../file-error'
import { SourceFile } from '../source-file'

export interface CheckpointConfig {
  method: 'gptq' | 'awq'
  /** null where only the shapes tell it. */
  bits: number | null
  /** Whether all zeros lie in the middle of the codes. */
  symmetric: boolean
  /** GPTQ, version 1: zeros are stored less one. */
  zerosLessOne: boolean
}

type Fields = Readonly<Record<string, unknown>>

/** config.json's section first; then the files of AutoGPTQ and of early AutoAWQ. */
const places = [
  { name: 'config.json', section: 'quantization_config', method: null },
  { name: 'quantize_config.json', section: null, method: 'gptq' },
  { name: 'quant_config.json', section: null, method: 'awq' },
] as const
/** Far above any real configuration. */
const longest = 4 * 1024 * 1024

/**
 * The configuration beside a checkpoint with packed matrices.
 * @param path the checkpoint, or one of its shards
 * @throws MoruError invalid_file where there is none, unsupported for methods that Moru does not read
 */
export async function readQuantizationConfig(path: string): Promise<CheckpointConfig> {
  for (const { name, section, method } of places) {
    const file = join(dirname(path), name)
    const json = await readObject(file)
    const fields = json && (section === null ? json : asObject(json[section]))
    if (fields) return parse(file, fields, method)
  }
  throw new MoruError(
    'invalid_file',
    `${path} holds packed matrices, but no config.json beside it has a quantization_config that says how to read them. ` +
      'Download the folder again, with its configuration.',
  )
}

function parse(file: string, fields: Fields, implied: string | null): CheckpointConfig {
  const method = fields.quant_method ?? implied
  if (method !== 'gptq' && method !== 'awq') throw unread(file, 'quant_method', method)
  const bits = fields.bits ?? fields.w_bit ?? null
  if (bits !== null && typeof bits !== 'number') throw unread(file, 'bits', bits)
  if (method === 'awq') {
    const version = String(fields.version ?? 'gemm').toLowerCase()
    if (version !== 'gemm') throw unread(file, 'version', fields.version)
    if (fields.zero_point === false) throw unread(file, 'zero_point', false)
    return { method, bits, symmetric: false, zerosLessOne: false }
  }
  const format = fields.checkpoint_format ?? 'gptq'
  if (format !== 'gptq' && format !== 'gptq_v2') throw unread(file, 'checkpoint_format', format)
  return { method, bits, symmetric: fields.sym === true, zerosLessOne: format === 'gptq' }
}

function unread(file: string, key: string, value: unknown): MoruError {
  const shown = (JSON.stringify(value) ?? 'missing').slice(0, 60)
  return new MoruError(
    'unsupported',
    `${file}: ${key} of its quantization is ${shown}, which Moru does not read. docs/formats.md lists what it reads.`,
  )
}

/** As bitsandbytes has it where nothing is said (arXiv 2208.07339, section 3.2). */
const defaultThreshold = 6

/**
 * The magnitude beyond which inputs of LLM.int8() matrices stay as they are, from the config.json beside a checkpoint.
 * 0 says there, as for bitsandbytes, that all are rounded: Infinity.
 * @throws MoruError invalid_file, unsupported
 */
export async function readInputThreshold(path: string): Promise<number> {
  const file = join(dirname(path), 'config.json')
  const fields = asObject((await readObject(file))?.quantization_config)
  const threshold = fields?.llm_int8_threshold ?? defaultThreshold
  if (typeof threshold !== 'number' || !Number.isFinite(threshold) || threshold < 0)
    throw unread(file, 'llm_int8_threshold', threshold)
  return threshold === 0 ? Infinity : threshold
}

const asObject = (value: unknown): Fields | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null

/** A JSON object, or null where there is no such file. */
async function readObject(path: string): Promise<Fields | null> {
  const source = await SourceFile.open(path).catch((thrown: unknown) => {
    if (thrown instanceof MoruError && thrown.code === 'not_found') return null
    throw thrown
  })
  if (!source) return null
  try {
    if (source.sizeBytes > longest)
      throw new MoruError('invalid_file', `${path} has ${figure(source.sizeBytes)} bytes.`)
    const bytes = new Uint8Array(source.sizeBytes)
    await source.readInto(bytes, 0)
    return asObject(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch (thrown) {
    if (thrown instanceof MoruError) throw thrown
    throw new MoruError('invalid_file', `${path} is not JSON: download the folder again.`, { cause: thrown })
  } finally {
    await source.close()
  }
}

export interface GptqSettings {
  bits: number
  /** -1: a whole row. */
  groupSize: number
  /** Whether every matrix is symmetric. */
  symmetric: boolean
  /** Whether inputs were taken in the order of their activations. */
  actOrder: boolean
  /** Bits and group of matrices that differ, by the regular expression of their names without '.weight'. */
  exceptions?: Readonly<Record<string, { bits: number; groupSize: number }>>
}

/** The section of config.json, and the whole of quantize_config.json, for what `gptqWriter` writes. */
export function gptqConfig(settings: GptqSettings): Record<string, unknown> {
  const { bits, groupSize, symmetric, actOrder, exceptions = {} } = settings
  const dynamic = Object.entries(exceptions).map(([name, own]) => {
    return [`+:${name}`, { bits: own.bits, group_size: own.groupSize }] as const
  })
  return {
    quant_method: 'gptq',
    bits,
    group_size: groupSize,
    sym: symmetric,
    desc_act: actOrder,
    lm_head: false,
    checkpoint_format: 'gptq',
    ...(dynamic.length > 0 && { dynamic: Object.fromEntries(dynamic) }),
    meta: { quantizer: ['moru'] },
  }
}

/** The section of config.json for what `awqWriter` writes. */
export function awqConfig(groupSize: number, plainModules: readonly string[] = []): Record<string, unknown> {
  return {
    quant_method: 'awq',
    bits: 4,
    group_size: groupSize,
    zero_point: true,
    version: 'gemm',
    modules_to_not_convert: plainModules.length > 0 ? plainModules : null,
  }
}

/** The section of config.json for 4-bit bitsandbytes matrices. */
export function bitsandbytes4Config(
  codebook: 'nf4' | 'fp4',
  doubleScales: boolean,
  plainModules: readonly string[] = ['lm_head'],
): Record<string, unknown> {
  return {
    quant_method: 'bitsandbytes',
    load_in_4bit: true,
    load_in_8bit: false,
    bnb_4bit_quant_type: codebook,
    bnb_4bit_use_double_quant: doubleScales,
    bnb_4bit_compute_dtype: 'float32',
    bnb_4bit_quant_storage: 'uint8',
    llm_int8_skip_modules: plainModules,
  }
}

/** The section of config.json for LLM.int8() matrices; a threshold of 0 leaves no input as it is. */
export function bitsandbytes8Config(
  threshold: number,
  plainModules: readonly string[] = ['lm_head'],
): Record<string, unknown> {
  return {
    quant_method: 'bitsandbytes',
    load_in_4bit: false,
    load_in_8bit: true,
    llm_int8_threshold: pythonFloat(threshold),
    llm_int8_has_fp16_weight: false,
    llm_int8_skip_modules: plainModules,
  }
}

/** transformers refuses a whole number where it wants a float; JSON keeps the decimal point only as raw text. */
function pythonFloat(value: number): unknown {
  const { rawJSON } = JSON as typeof JSON & { rawJSON(text: string): unknown }
  return Number.isInteger(value) ? rawJSON(`${value}.0`) : value
}
