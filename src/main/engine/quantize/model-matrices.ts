/** A model's matrices: what there is to quantize, by the names and in the shapes of its file. */
import { MoruError } from '../../../shared/errors'
import { blockTypes } from '../formats/block-types'
import { dequantizeMatrix } from '../formats/quantized-matrix'
import { elementsOf, type TensorInfo, type WeightFile } from '../formats/weight-file'
import { type ModelConfig } from '../models/config'
import { tensorNames } from '../models/tensor-names'
import { dequantize } from '../quant/blocks/dequantize'

/** Parts that matrices play in a block, in the order that tables show. */
export const linearRoles = [
  'attn_q', 'attn_k', 'attn_v', 'attn_qkv', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down',
] as const // prettier-ignore
export type LinearRole = (typeof linearRoles)[number]

export interface ModelMatrix {
  /** GGUF's: 'blk.3.attn_q.weight'. */
  canonical: string
  /** The file's. */
  name: string
  layer: number
  role: LinearRole
  rows: number
  cols: number
}

/** Every linear layer's matrix, block by block. Throws unsupported where the file holds them transposed (GPT-2's safetensors). */
export function linearMatrices(file: WeightFile, config: ModelConfig): ModelMatrix[] {
  if (config.architecture === 'gpt2' && file.format === 'safetensors')
    throw new MoruError(
      'unsupported',
      'GPT-2 checkpoints hold their matrices transposed, which Moru does not quantize: convert the model to GGUF first.',
    )
  const nameOf = tensorNames(file, config.architecture)
  const found: ModelMatrix[] = []
  for (let layer = 0; layer < config.layers; layer++)
    for (const role of linearRoles) {
      const canonical = `blk.${layer}.${role}.weight`
      const name = nameOf(canonical)
      const info = file.tensors.get(name)
      if (info?.shape.length === 2)
        found.push({ canonical, name, layer, role, rows: info.shape[0], cols: info.shape[1] })
    }
  return found
}

/** The embedding and the head, where the file has them: what a mix of GGUF's types rounds beside the linear layers. */
export function outerMatrices(
  file: WeightFile,
  config: ModelConfig,
): (Pick<ModelMatrix, 'canonical' | 'name'> & { rows: number; cols: number })[] {
  const nameOf = tensorNames(file, config.architecture)
  return ['token_embd.weight', 'output.weight'].flatMap((canonical) => {
    const name = nameOf(canonical)
    const shape = file.tensors.get(name)?.shape
    return shape?.length === 2 ? [{ canonical, name, rows: shape[0], cols: shape[1] }] : []
  })
}

/** A tensor's values as f32, row by row, whatever it is kept as. Throws not_found, invalid_file. */
export async function readValues(file: WeightFile, name: string): Promise<Float32Array<ArrayBuffer>> {
  const info = file.tensors.get(name)
  if (!info) throw new MoruError('not_found', `The model has no tensor ${name}.`)
  if (info.quantized && file.readQuantized) return new Float32Array(dequantizeMatrix(await file.readQuantized(name)))
  return new Float32Array(dequantize(info.type, await file.read(name, 0, info.sizeBytes), elementsOf(info.shape)))
}

/** Bits a weight in the file, scales and all. */
export function storedBits(info: TensorInfo): number {
  if (info.quantized) return (info.sizeBytes * 8) / elementsOf(info.shape)
  const { blockBytes, blockSize } = blockTypes[info.type]
  return (blockBytes * 8) / blockSize
}
