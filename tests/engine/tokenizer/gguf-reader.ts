import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

type Value = number | boolean | string | string[] | boolean[] | number[]

/** A GGUF file's metadata, read plainly: the tokenizer's tests do not lean on the product's own reader. */
export function readMetadata(path: string): Map<string, Value> {
  const file = openSync(path, 'r')
  const buffer = Buffer.alloc(Math.min(fstatSync(file).size, 64 << 20))
  readSync(file, buffer, 0, buffer.length, 0)
  closeSync(file)
  let at = 8
  const take = (bytes: number): number => (at += bytes) - bytes
  const u64 = (): number => Number(buffer.readBigUInt64LE(take(8)))
  const string = (): string => {
    const length = u64()
    return buffer.toString('utf8', take(length), at)
  }
  const scalars: ((() => Value) | null)[] = [
    () => buffer.readUInt8(take(1)),
    () => buffer.readInt8(take(1)),
    () => buffer.readUInt16LE(take(2)),
    () => buffer.readInt16LE(take(2)),
    () => buffer.readUInt32LE(take(4)),
    () => buffer.readInt32LE(take(4)),
    () => buffer.readFloatLE(take(4)),
    () => buffer.readUInt8(take(1)) !== 0,
    string,
    null,
    u64,
    () => Number(buffer.readBigInt64LE(take(8))),
    () => buffer.readDoubleLE(take(8)),
  ]
  const value = (type: number): Value => {
    const scalar = scalars[type]
    if (scalar) return scalar()
    const read = scalars[buffer.readUInt32LE(take(4))]
    if (!read) throw new Error('nested arrays are not read here')
    return Array.from({ length: u64() }, read) as Value
  }
  u64()
  const entries = u64()
  const metadata = new Map<string, Value>()
  for (let i = 0; i < entries; i++) {
    const key = string()
    metadata.set(key, value(buffer.readUInt32LE(take(4))))
  }
  return metadata
}

/** Absolute path of a golden file. */
export function golden(name: string): string {
  return fileURLToPath(new URL(`../../golden/${name}`, import.meta.url))
}
