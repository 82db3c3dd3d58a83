/** Reads the header of one GGUF file: metadata and where each tensor lies. Specification: ggml/docs/gguf.md. */
import { FileCursor } from './file-cursor'
import { figure, invalidFile, quoted, unsupportedFile } from './file-error'
import { readMetadata, readString } from './gguf-metadata'
import { ggmlTypes, unreadGgmlTypes, type MetadataType } from './gguf-types'
import type { SourceFile } from './source-file'
import type { StoredTensor } from './stored-tensors'
import { checkTensorName, longestTensorName, tensorBytes } from './tensor-checks'
import type { MetadataValue, TensorType } from './weight-file'

export interface GgufHeader {
  source: SourceFile
  metadata: Map<string, MetadataValue>
  metadataTypes: Map<string, MetadataType>
  tensors: Map<string, StoredTensor>
}

/** A tensor as the table lists it: `offset` is relative to the data section, which begins after the table. */
interface TensorEntry extends StoredTensor {
  offset: number
  /** Where in the file its entry of the table stands. */
  entryOffset: number
}

const magic = 0x46554747 // 'GGUF'
const defaultAlignment = 32
const largestAlignment = 65_536
/** Least bytes of a key-value pair (8 length, 1 name, 4 type, 1 value) and of a tensor entry (8 + 1, 4 + 8, 4, 8). */
const leastPairBytes = 14
const leastTensorBytes = 33

/**
 * Reads and checks a header; no weight is read.
 * @throws MoruError invalid_file naming field and byte, or unsupported (version 1, big-endian, block types without a reader)
 */
export async function readGgufHeader(source: SourceFile): Promise<GgufHeader> {
  const cursor = new FileCursor(source)
  await readVersion(cursor)
  const tensorCount = readCount(cursor, 'tensor count', leastTensorBytes)
  const pairCount = readCount(cursor, 'metadata count', leastPairBytes)
  const { metadata, types } = await readMetadata(cursor, pairCount)
  const alignment = readAlignment(cursor, metadata)
  const entries = await readTensorTable(cursor, tensorCount)
  const dataStart = Math.ceil(cursor.position / alignment) * alignment
  placeTensors(cursor, entries, dataStart, alignment)
  return { source, metadata, metadataTypes: types, tensors: new Map(entries.map((entry) => [entry.name, entry])) }
}

async function readVersion(cursor: FileCursor): Promise<void> {
  await cursor.fill(24, 'header')
  if (cursor.u32() !== magic) {
    const remedy = 'Choose a .gguf file; other checkpoints are read as safetensors.'
    throw invalidFile(cursor.place('magic', 0), 'the file does not begin with "GGUF"', remedy)
  }
  const version = cursor.u32()
  if (version === 2 || version === 3) return
  const place = cursor.place('version', 4)
  if (version !== 0 && version % 65_536 === 0) {
    throw unsupportedFile(place, 'a big-endian file', 'Convert it with gguf_convert_endian.py of llama.cpp.')
  }
  if (version > 3 && version < 16) {
    throw unsupportedFile(place, `GGUF version ${version}; Moru reads 2 and 3`, 'A newer Moru may read it.')
  }
  if (version === 1) throw unsupportedFile(place, 'GGUF version 1; Moru reads 2 and 3', 'Download a newer conversion.')
  throw invalidFile(place, `version ${figure(version)} does not exist`)
}

function readCount(cursor: FileCursor, field: string, leastBytes: number): number {
  const offset = cursor.position
  const count = cursor.u64(field)
  if (count * leastBytes <= cursor.remaining) return count
  throw invalidFile(
    cursor.place(field, offset),
    `${figure(count)} entries need at least ${figure(count * leastBytes)} bytes, but the file has only ${figure(cursor.remaining)} left`,
  )
}

function readAlignment(cursor: FileCursor, metadata: Map<string, MetadataValue>): number {
  const value = metadata.get('general.alignment') ?? defaultAlignment
  const whole = typeof value === 'number' && Number.isInteger(value)
  if (whole && value >= 8 && value <= largestAlignment && Number.isInteger(Math.log2(value))) return value
  const problem = `${String(value)} is no alignment: powers of two from 8 to ${figure(largestAlignment)} are`
  throw invalidFile(cursor.place('general.alignment'), problem)
}

async function readTensorTable(cursor: FileCursor, count: number): Promise<TensorEntry[]> {
  const entries: TensorEntry[] = []
  const names = new Set<string>()
  for (let i = 0; i < count; i++) {
    const entry = await readTensorEntry(cursor, `tensor ${i + 1} of ${count}`)
    if (names.has(entry.name)) {
      throw invalidFile(cursor.place(`tensor ${quoted(entry.name)}`, entry.entryOffset), 'the same name appears twice')
    }
    names.add(entry.name)
    entries.push(entry)
  }
  return entries
}

async function readTensorEntry(cursor: FileCursor, label: string): Promise<TensorEntry> {
  const entryOffset = cursor.position
  const name = await readString(cursor, `name of ${label}`, longestTensorName)
  checkTensorName(name, () => cursor.place(`name of ${label}`, entryOffset))
  const field = `tensor ${quoted(name)}`
  await cursor.fill(4, field)
  const dims = cursor.u32()
  if (dims < 1 || dims > 4) {
    throw invalidFile(cursor.place(field, cursor.position - 4), `${figure(dims)} dimensions; GGUF has 1 to 4`)
  }
  await cursor.fill(dims * 8 + 12, field)
  const shapeOffset = cursor.position
  const shape = Array.from({ length: dims }, () => cursor.u64(field)).reverse()
  const type = readTensorType(cursor, field)
  const sizeBytes = tensorBytes(shape, type, () => cursor.place(field, shapeOffset))
  const offset = cursor.u64(field)
  return { name, shape, type, sizeBytes, offset, entryOffset, position: 0, source: cursor.source }
}

function readTensorType(cursor: FileCursor, field: string): TensorType {
  const offset = cursor.position
  const id = cursor.u32()
  const type = ggmlTypes.get(id)
  if (type) return type
  const unread = unreadGgmlTypes.get(id)
  const list = 'docs/formats.md lists them'
  if (unread)
    throw unsupportedFile(
      cursor.place(field, offset),
      `type ${unread} is not one that Moru reads (${list})`,
      'Download a conversion to another type, such as Q4_K_M or Q8_0.',
    )
  const problem = `type ${id} is not a GGML type that Moru reads (${list})`
  throw invalidFile(cursor.place(field, offset), problem, 'The file was written by a newer tool or is damaged.')
}

/** Turns offsets into positions; every tensor must be aligned, inside the file, and share no byte with another. */
function placeTensors(cursor: FileCursor, entries: TensorEntry[], dataStart: number, alignment: number): void {
  const fileEnd = cursor.source.sizeBytes
  for (const entry of entries) {
    const place = cursor.place(`tensor ${quoted(entry.name)}`, entry.entryOffset)
    if (entry.offset % alignment !== 0) {
      throw invalidFile(place, `its data offset ${figure(entry.offset)} is no multiple of the alignment ${alignment}`)
    }
    entry.position = dataStart + entry.offset
    const end = entry.position + entry.sizeBytes
    if (end > fileEnd) {
      throw invalidFile(place, `its data ends at byte ${figure(end)}, but the file has only ${figure(fileEnd)}`)
    }
  }
  const byPosition = entries.toSorted((a, b) => a.position - b.position)
  byPosition.forEach((entry, i) => {
    const before = byPosition[i - 1]
    if (!before || before.position + before.sizeBytes <= entry.position) return
    const place = cursor.place(`tensor ${quoted(entry.name)}`, entry.entryOffset)
    throw invalidFile(place, `its data overlaps that of tensor ${quoted(before.name)}`)
  })
}
