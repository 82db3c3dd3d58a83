/** Writes safetensors files for tests; the header may be any text, and its stated length any number. */
import { ByteWriter, type Field } from './byte-writer'

export interface HeaderEntry {
  dtype: string
  shape: number[]
  data_offsets: number[]
}

export function writeSafetensors(
  header: Record<string, unknown> | string,
  data: Uint8Array,
  length?: number | bigint,
): { bytes: Uint8Array; fields: Field[] } {
  const text = typeof header === 'string' ? header : JSON.stringify(header)
  const bytes = new TextEncoder().encode(text)
  const out = new ByteWriter()
    .u64('header length', length ?? bytes.length)
    .bytes(bytes)
    .bytes(data)
  return { bytes: out.result(), fields: out.fields }
}

/** Entries for f32 tensors that follow each other, in the order given. */
export function entries(shapes: Record<string, number[]>): Record<string, HeaderEntry> {
  let end = 0
  const entry = (shape: number[]): HeaderEntry => {
    const begin = end
    end += 4 * shape.reduce((product, dim) => product * dim, 1)
    return { dtype: 'F32', shape, data_offsets: [begin, end] }
  }
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, entry(shape)]))
}
