/** Matrices of codes written as checkpoints, and read back. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { MatrixPart, MatrixWriter } from '../../../src/main/engine/formats/checkpoints/layout'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { codeLayoutOf, type QuantizedMatrix } from '../../../src/main/engine/formats/quantized-matrix'
import { createSafetensors } from '../../../src/main/engine/formats/safetensors-writer'
import type { TensorDescriptor } from '../../../src/main/engine/formats/weight-writer'
import { seeded } from './mutate'
import { temporaryFolder } from './temporary-folder'

export const weight = 'model.layers.0.mlp.up_proj.weight'

/** Random codes, f16 scales and whole zeros from 1 on. */
export function randomMatrix(
  rows: number,
  cols: number,
  bits: number,
  options: Partial<QuantizedMatrix> = {},
): QuantizedMatrix {
  const random = seeded(rows * 1000 + cols + bits)
  const group = options.group ?? cols
  const groups = (rows * cols) / group
  const most = 2 ** bits - 1
  return {
    rows,
    cols,
    bits,
    group,
    codes: Uint8Array.from({ length: rows * cols }, () => Math.floor(random() * (most + 1))),
    scales: Float32Array.from(new Float16Array(groups).map(() => 0.001 + random() * 0.1)),
    zeros: new Float32Array(groups).map(() => 1 + Math.floor(random() * most)),
    offset: 0,
    codebook: null,
    groupOf: null,
    ...options,
  }
}

interface Written {
  folder: string
  parts: readonly MatrixPart[]
}

/** A folder for checkpoints of one test file. */
export class CheckpointFolder {
  private readonly path: string
  private made = 0

  private constructor(path: string) {
    this.path = path
  }

  static async open(): Promise<CheckpointFolder> {
    return new CheckpointFolder((await temporaryFolder()).path)
  }

  /** An empty folder in it. */
  async next(): Promise<string> {
    const target = join(this.path, `checkpoint-${this.made++}`)
    await mkdir(target)
    return target
  }

  async write(writer: MatrixWriter, matrix: QuantizedMatrix, config?: unknown): Promise<Written> {
    const target = await this.next()
    const { rows, cols } = matrix
    const tensors = writer.describe(weight, rows, cols, codeLayoutOf(matrix))
    const parts = writer.encode(weight, matrix)
    const plain: TensorDescriptor = { name: 'model.norm.weight', shape: [2], type: 'f32' }
    const file = await createSafetensors(target, { tensors: [...tensors, plain] })
    for (const { name, bytes } of parts) await file.write(name, bytes)
    await file.write(plain.name, new Uint8Array(8))
    await file.finish()
    if (config !== undefined)
      await writeFile(join(target, 'config.json'), JSON.stringify({ quantization_config: config }))
    return { folder: target, parts }
  }
}

export async function readBack({ folder: target }: Written): Promise<QuantizedMatrix> {
  const file = await openModelFile(target)
  try {
    expect([...file.tensors.keys()].sort()).toEqual([weight, 'model.norm.weight'].sort())
    const info = file.tensors.get(weight)!
    const matrix = await file.readQuantized!(weight)
    expect(info.quantized).toEqual(codeLayoutOf(matrix))
    expect(info.shape).toEqual([matrix.rows, matrix.cols])
    await expect(file.read(weight, 0, 1)).rejects.toThrow(/is quantized/)
    return matrix
  } finally {
    await file.close()
  }
}
