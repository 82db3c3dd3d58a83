/** Which block type each matrix of a model gets: llama.cpp's mixes (llama-quant.cpp, llama_tensor_get_type). */
import { type EncodedType } from './encode'

export const presets = ['Q3_K_M', 'Q4_K_M', 'Q5_K_M', 'Q6_K'] as const
export type Preset = (typeof presets)[number]

export interface PresetMatrix {
  /** GGUF's name: 'blk.3.attn_v.weight'. */
  name: string
  /** Inputs a row. */
  cols: number
}

export interface PresetModel {
  layers: number
  /** Whether the output head is the token embedding. */
  tied: boolean
}

export interface BlockChoice {
  /** 'f16' where a row is no whole number of any block. */
  type: EncodedType | 'f16'
  /** What the mix asks for; differs from `type` where rows do not divide into its blocks. */
  wanted: EncodedType
}

const base: Readonly<Record<Preset, EncodedType>> = { Q3_K_M: 'q3_k', Q4_K_M: 'q4_k', Q5_K_M: 'q5_k', Q6_K: 'q6_k' }

/** What a K type becomes where a row is no multiple of 256. */
const fallbacks: Partial<Record<EncodedType, EncodedType>> = {
  q2_k: 'q4_0',
  q3_k: 'q4_0',
  q4_k: 'q5_0',
  q5_k: 'q5_1',
  q6_k: 'q8_0',
}

/** The type, or what stands in for it where rows of `cols` inputs do not divide into its blocks. */
export function fitToRow(wanted: EncodedType, cols: number): BlockChoice {
  const fallback = fallbacks[wanted]
  const type = fallback && cols % 256 !== 0 ? fallback : wanted
  return { type: cols % 32 === 0 ? type : 'f16', wanted }
}

export function presetType(preset: Preset, { name, cols }: PresetMatrix, model: PresetModel): BlockChoice {
  const head = name === 'output.weight' || (name === 'token_embd.weight' && model.tied)
  return fitToRow(head ? 'q6_k' : (mixed(preset, name, model.layers) ?? base[preset]), cols)
}

/** The first and last eighth of the layers, and every third between them. */
function moreBits(layer: number, layers: number): boolean {
  const eighth = Math.floor(layers / 8)
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2
}

function mixed(preset: Preset, name: string, layers: number): EncodedType | undefined {
  const [, number, part] = /^blk\.(\d+)\.(attn_v|attn_qkv|attn_output|ffn_down)\.weight$/.exec(name) ?? []
  const layer = Number(number)
  if (part === undefined || preset === 'Q6_K') return undefined
  if (part === 'attn_qkv') return ({ Q3_K_M: 'q4_k', Q4_K_M: 'q5_k', Q5_K_M: 'q6_k' } as const)[preset]
  if (preset === 'Q3_K_M') {
    if (part === 'attn_v' && layer < 2) return 'q5_k'
    if (part === 'ffn_down' && layer < Math.floor(layers / 16)) return 'q5_k'
    return 'q4_k'
  }
  return part !== 'attn_output' && moreBits(layer, layers) ? 'q6_k' : undefined
}
