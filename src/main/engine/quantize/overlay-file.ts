/** A model's file with some tensors replaced from memory: quantized matrices as what they stand for, folded norms. */
import { bytesOf } from '../formats/number-bytes'
import { codeLayoutOf, type QuantizedMatrix } from '../formats/quantized-matrix'
import { type TensorInfo, type WeightFile } from '../formats/weight-file'

/** Values or codes, by the file's own names, in the shapes that the file has. */
export type Replaced = ReadonlyMap<string, Float32Array | QuantizedMatrix>

export class OverlayFile implements WeightFile {
  readonly format: WeightFile['format']
  readonly paths: string[]
  readonly sizeBytes: number
  readonly metadata: WeightFile['metadata']
  readonly metadataTypes: WeightFile['metadataTypes']
  readonly tensors: ReadonlyMap<string, TensorInfo>
  private readonly file: WeightFile
  private readonly replaced: Replaced

  /** The file stays the caller's to close. */
  constructor(file: WeightFile, replaced: Replaced) {
    this.file = file
    this.replaced = replaced
    this.format = file.format
    this.paths = file.paths
    this.sizeBytes = file.sizeBytes
    this.metadata = file.metadata
    this.metadataTypes = file.metadataTypes
    this.tensors = new Map(
      [...file.tensors].map(([name, info]) => {
        const own = replaced.get(name)
        const { quantized: _, ...plain } = info
        if (!own) return [name, info]
        if (own instanceof Float32Array) return [name, { ...plain, type: 'f32' as const, sizeBytes: own.byteLength }]
        return [name, { ...plain, type: 'f16' as const, sizeBytes: storedBytes(own), quantized: codeLayoutOf(own) }]
      }),
    )
  }

  async read(name: string, offset: number, length: number): Promise<Uint8Array> {
    const own = this.replaced.get(name)
    if (!(own instanceof Float32Array)) return this.file.read(name, offset, length)
    return bytesOf(own).slice(offset, offset + length)
  }

  async readQuantized(name: string): Promise<QuantizedMatrix> {
    const own = this.replaced.get(name)
    return own && !(own instanceof Float32Array) ? own : this.file.readQuantized!(name)
  }

  /** The file underneath stays open. */
  async close(): Promise<void> {}
}

/** Bytes that codes, scales (f16) and zeros take in a file. */
export function storedBytes({ codes, bits, scales, zeros, codebook }: QuantizedMatrix): number {
  const scaleBytes = codebook ? 4 : 2
  return (
    Math.ceil((codes.length * bits) / 8) + scales.length * scaleBytes + Math.ceil(((zeros?.length ?? 0) * bits) / 8)
  )
}
