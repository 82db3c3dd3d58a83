/**
 * Importance matrices as llama.cpp's imatrix tool writes them: for each weight matrix the mean square of every input over a text.
 * Two formats: GGUF (general.type "imatrix", tensors NAME.in_sum2 and NAME.counts) and, older, .dat:
 *
 *   i32 entries, then for each: i32 length, name, i32 calls, i32 values, f32 [values] (mean squares times calls);
 *   then, in most files, i32 chunks, i32 length, name of the text
 */
import { basename } from 'node:path'
import { MoruError } from '../../../shared/errors'
import { figure, invalidFile, quoted } from './file-error'
import { FileCursor } from './file-cursor'
import { openGguf } from './gguf'
import { gguf, type GgufValue } from './gguf-types'
import { createGguf } from './gguf-writer'
import { bytesOf } from './number-bytes'
import { OutputFile } from './output-file'
import { SourceFile } from './source-file'
import { checkTensorName, longestTensorName } from './tensor-checks'
import type { WeightFile } from './weight-file'
import { finishWith, type TensorDescriptor } from './weight-writer'

export interface ImportanceMatrix {
  /** What the texts were called. */
  datasets: string[]
  /** Pieces of text that were read. */
  chunks: number
  /** Tokens of a piece; null where the file does not say. */
  chunkSize: number | null
  /** By GGUF's name of the weights, such as blk.0.attn_q.weight: the mean square of each input, expert after expert. */
  meanSquares: Map<string, Float32Array>
}

const sums = '.in_sum2'
const counts = '.counts'
/** Least bytes of an entry: three numbers, a name and a value. */
const leastEntryBytes = 17

/** Reads either format. @throws MoruError not_found, io, invalid_file naming field and byte, unsupported for GGUF files that are none */
export async function readImportanceMatrix(path: string): Promise<ImportanceMatrix> {
  const source = await SourceFile.open(path)
  try {
    const cursor = new FileCursor(source)
    await cursor.fill(4, 'header')
    // 'GGUF' as a number of entries would be more than any file has.
    if (cursor.u32() !== 0x46554747) return await readDat(new FileCursor(source))
  } finally {
    await source.close()
  }
  const file = await openGguf(path)
  try {
    return await readFromGguf(file)
  } finally {
    await file.close()
  }
}

async function readFromGguf(file: WeightFile): Promise<ImportanceMatrix> {
  const [path] = file.paths
  if (file.metadata.get('general.type') !== 'imatrix') {
    throw new MoruError(
      'unsupported',
      `${basename(path)} is a GGUF file, but no importance matrix (general.type is not imatrix).`,
    )
  }
  const number = (key: string): number | null => {
    const value = file.metadata.get(key)
    return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : null
  }
  const named = file.metadata.get('imatrix.datasets')
  const datasets = Array.isArray(named) ? named.filter((name) => typeof name === 'string') : []
  const meanSquares = new Map<string, Float32Array>()
  for (const [name, tensor] of file.tensors) {
    if (!name.endsWith(sums)) continue
    const weights = name.slice(0, -sums.length)
    const counted = file.tensors.get(weights + counts)
    const place = { path, field: `tensor ${quoted(name)}`, offset: 0 }
    if (tensor.type !== 'f32' || counted?.type !== 'f32')
      throw invalidFile(place, 'its sums and counts are not both f32')
    const values = await readFloats(file, name)
    const calls = await readFloats(file, weights + counts)
    const inputs = values.length / calls.length
    if (!Number.isInteger(inputs)) throw invalidFile(place, `${values.length} sums for ${calls.length} counts`)
    meanSquares.set(
      weights,
      checked(
        values.map((sum, i) => sum / Math.max(1, calls[Math.floor(i / inputs)])),
        place,
      ),
    )
  }
  if (meanSquares.size === 0) throw invalidFile({ path, field: 'tensors', offset: 0 }, `none is named *${sums}`)
  return { datasets, chunks: number('imatrix.chunk_count') ?? 0, chunkSize: number('imatrix.chunk_size'), meanSquares }
}

async function readFloats(file: WeightFile, name: string): Promise<Float32Array> {
  const bytes = await file.read(name, 0, file.tensors.get(name)!.sizeBytes)
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
}

function checked(values: Float32Array, place: { path: string; field: string; offset: number }): Float32Array {
  const wrong = values.findIndex((value) => !(value >= 0 && value < Infinity))
  if (wrong < 0) return values
  throw invalidFile(place, `its input ${figure(wrong)} has a mean square of ${values[wrong]}`)
}

async function readDat(cursor: FileCursor): Promise<ImportanceMatrix> {
  const entries = await readCount(cursor, 'number of entries', leastEntryBytes)
  const meanSquares = new Map<string, Float32Array>()
  for (let i = 0; i < entries; i++) {
    const field = `entry ${i + 1} of ${entries}`
    const offset = cursor.position
    const length = await readCount(cursor, `name of ${field}`, 1)
    if (length > longestTensorName) throw invalidFile(cursor.place(field, offset), `a name of ${figure(length)} bytes`)
    const name = await cursor.text(length, field)
    checkTensorName(name, () => cursor.place(field, offset))
    if (meanSquares.has(name)) throw invalidFile(cursor.place(field, offset), `${quoted(name)} appears twice`)
    await cursor.fill(4, field)
    const calls = cursor.i32()
    const count = await readCount(cursor, `values of ${field}`, 4)
    const values = new Float32Array(count)
    await cursor.readInto(new Uint8Array(values.buffer), field)
    const means = calls > 0 ? values.map((value) => value / calls) : values
    meanSquares.set(name, checked(means, cursor.place(`entry ${quoted(name)}`, offset)))
  }
  return { ...(await readTrailer(cursor)), chunkSize: null, meanSquares }
}

/** Files of the first weeks end after the entries. */
async function readTrailer(cursor: FileCursor): Promise<Pick<ImportanceMatrix, 'datasets' | 'chunks'>> {
  if (cursor.remaining < 8) return { datasets: [], chunks: 0 }
  await cursor.fill(4, 'chunks')
  const chunks = Math.max(0, cursor.i32())
  const length = await readCount(cursor, 'name of the text', 1)
  return { chunks, datasets: length === 0 ? [] : [await cursor.text(length, 'name of the text')] }
}

/** A number of things of at least `bytes` each, which the rest of the file must be able to hold. */
async function readCount(cursor: FileCursor, field: string, bytes: number): Promise<number> {
  const offset = cursor.position
  await cursor.fill(4, field)
  const count = cursor.i32()
  if (count >= 0 && count * bytes <= cursor.remaining) return count
  const remedy = 'The file is damaged, or no importance matrix.'
  throw invalidFile(cursor.place(field, offset), `${figure(count)} do not fit into the rest of the file`, remedy)
}

/** Writes GGUF where the path ends in .gguf, else the older format. @throws MoruError conflict, not_found, io */
export async function writeImportanceMatrix(path: string, matrix: ImportanceMatrix): Promise<void> {
  if (path.endsWith('.gguf')) await writeAsGguf(path, matrix)
  else await writeDat(path, matrix)
}

async function writeAsGguf(
  path: string,
  { datasets, chunks, chunkSize, meanSquares }: ImportanceMatrix,
): Promise<void> {
  const tokens = chunks * (chunkSize ?? 1)
  const metadata = new Map<string, GgufValue>([
    ['general.type', gguf.text('imatrix')],
    ['imatrix.datasets', gguf.texts(datasets)],
    ['imatrix.chunk_count', gguf.u32(chunks)],
    ...(chunkSize === null ? [] : ([['imatrix.chunk_size', gguf.u32(chunkSize)]] as const)),
  ])
  const tensors: TensorDescriptor[] = [...meanSquares].flatMap(([name, values]) => [
    { name: name + sums, shape: [1, values.length], type: 'f32' as const },
    { name: name + counts, shape: [1, 1], type: 'f32' as const },
  ])
  const writer = await createGguf(path, { metadata, tensors })
  await finishWith(writer, async () => {
    for (const [name, values] of meanSquares) {
      await writer.write(name + sums, bytesOf(values.map((mean) => mean * tokens)))
      await writer.write(name + counts, bytesOf(Float32Array.of(tokens)))
    }
  })
}

async function writeDat(path: string, { datasets, chunks, meanSquares }: ImportanceMatrix): Promise<void> {
  const parts: Uint8Array[] = [int32(meanSquares.size)]
  for (const [name, values] of meanSquares) {
    parts.push(...lengthAndText(name), int32(chunks), int32(values.length))
    parts.push(bytesOf(values.map((mean) => mean * Math.max(1, chunks))))
  }
  parts.push(int32(chunks), ...lengthAndText(datasets.join(', ')))
  const bytes = Buffer.concat(parts)
  const file = await OutputFile.create(path, bytes.length)
  try {
    await file.write(bytes, 0)
    await file.seal()
    await file.publish()
  } catch (thrown) {
    await file.discard()
    throw thrown
  }
}

function int32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

function lengthAndText(text: string): Uint8Array[] {
  const bytes = Buffer.from(text)
  return [int32(bytes.length), bytes]
}
