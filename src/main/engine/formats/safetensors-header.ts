/** Reads the header of one safetensors file. Specification: the README of huggingface/safetensors. */
import { figure, invalidFile, quoted, unsupportedFile, type Place } from './file-error'
import { readJsonObject } from './read-json'
import type { SourceFile } from './source-file'
import type { StoredTensor } from './stored-tensors'
import type { JsonObject, JsonValue } from './strict-json'
import { checkTensorName, longestTensorName, tensorBytes } from './tensor-checks'
import type { TensorType } from './weight-file'

const dtypes: ReadonlyMap<JsonValue, TensorType> = new Map([
  ['F32', 'f32'], ['F16', 'f16'], ['BF16', 'bf16'], ['I8', 'i8'], ['U8', 'u8'], ['BOOL', 'u8'],
  ['I16', 'i16'], ['I32', 'i32'], ['I64', 'i64'],
]) // prettier-ignore
const unreadDtypes: ReadonlySet<JsonValue> = new Set([
  'F64', 'U16', 'U32', 'U64', 'F8_E4M3', 'F8_E5M2', 'F8_E8M0', 'F4', 'F6_E2M3', 'F6_E3M2', 'C64',
]) // prettier-ignore
const mostDimensions = 8

/** Where the tensors of a header begin, and how to name a place in it. */
interface Header {
  source: SourceFile
  text: string
  dataStart: number
}

/**
 * Reads and checks a header: 8 bytes of length, that much JSON, then the data, tensor after tensor without a gap.
 * @throws MoruError invalid_file naming tensor and byte, or unsupported for dtypes without a reader
 */
export async function readSafetensorsHeader(source: SourceFile): Promise<Map<string, StoredTensor>> {
  const length = await readHeaderLength(source)
  const { text, object } = await readJsonObject(source, 8, length, 'header')
  const header = { source, text, dataStart: 8 + length }
  const tensors: StoredTensor[] = []
  for (const [name, entry] of object) {
    if (name === '__metadata__') checkMetadata(header, entry)
    else tensors.push(readEntry(header, name, entry))
  }
  checkContiguous(header, tensors)
  return new Map(tensors.map((tensor) => [tensor.name, tensor]))
}

async function readHeaderLength(source: SourceFile): Promise<number> {
  const place = { path: source.path, field: 'header length', offset: 0 }
  if (source.sizeBytes < 10) throw invalidFile(place, `the file has only ${source.sizeBytes} bytes`)
  const bytes = new Uint8Array(8)
  await source.readInto(bytes, 0)
  const length = new DataView(bytes.buffer).getBigUint64(0, true)
  const most = source.sizeBytes - 8
  if (length >= 2n && length <= BigInt(most)) return Number(length)
  throw invalidFile(place, `${figure(length)} is no length of a header: the file has ${figure(most)} bytes after it`)
}

/** Names the first place in the header where the tensor's name stands. */
function placeOf(header: Header, name: string): Place {
  const at = Math.max(0, header.text.indexOf(JSON.stringify(name)))
  const offset = 8 + Buffer.byteLength(header.text.slice(0, at))
  return { path: header.source.path, field: `tensor ${quoted(name)}`, offset }
}

function checkMetadata(header: Header, entry: JsonValue): void {
  const texts = entry instanceof Map && [...entry.values()].every((value) => typeof value === 'string')
  if (!texts) throw invalidFile(placeOf(header, '__metadata__'), '__metadata__ is not an object of texts')
}

function readEntry(header: Header, name: string, entry: JsonValue): StoredTensor {
  const place = () => placeOf(header, name)
  if (Buffer.byteLength(name) > longestTensorName) throw invalidFile(place(), 'the name is too long')
  checkTensorName(name, place)
  if (!(entry instanceof Map)) throw invalidFile(place(), 'its entry is not an object')
  const unknown = [...entry.keys()].find((key) => !['dtype', 'shape', 'data_offsets'].includes(key))
  if (unknown !== undefined) throw invalidFile(place(), `its entry has an unknown field ${quoted(unknown)}`)
  const type = readDtype(entry, place)
  const shape = wholeNumbers(entry.get('shape'))
  if (!shape || shape.length > mostDimensions) {
    throw invalidFile(place(), `its shape is not a list of at most ${mostDimensions} whole numbers`)
  }
  const sizeBytes = tensorBytes(shape, type, place)
  const position = readOffsets(header, entry, sizeBytes, place)
  return { name, shape, type, sizeBytes, position, source: header.source }
}

function readDtype(entry: JsonObject, place: () => Place): TensorType {
  const dtype = entry.get('dtype')
  const type = dtype === undefined ? undefined : dtypes.get(dtype)
  if (type) return type
  const named = typeof dtype === 'string' ? quoted(dtype) : 'missing'
  if (dtype !== undefined && unreadDtypes.has(dtype)) {
    throw unsupportedFile(place(), `dtype ${named} is not one that Moru reads (docs/formats.md lists them)`)
  }
  throw invalidFile(place(), `dtype ${named} does not exist`)
}

/** The tensor's position in the file. */
function readOffsets(header: Header, entry: JsonObject, sizeBytes: number, place: () => Place): number {
  const offsets = wholeNumbers(entry.get('data_offsets'))
  if (offsets?.length !== 2 || offsets[1] < offsets[0]) {
    throw invalidFile(place(), 'data_offsets is not a begin and an end')
  }
  const [begin, end] = offsets
  if (end - begin !== sizeBytes) {
    const problem = `data_offsets span ${figure(end - begin)} bytes, but dtype and shape need ${figure(sizeBytes)}`
    throw invalidFile(place(), problem)
  }
  const fileEnd = header.source.sizeBytes
  if (header.dataStart + end <= fileEnd) return header.dataStart + begin
  const problem = `its data ends at byte ${figure(header.dataStart + end)}, but the file has only ${figure(fileEnd)}`
  throw invalidFile(place(), problem)
}

function wholeNumbers(value: JsonValue | undefined): number[] | null {
  if (!Array.isArray(value)) return null
  const whole = value.filter((item) => typeof item === 'number' && Number.isSafeInteger(item) && item >= 0)
  return whole.length === value.length ? (whole as number[]) : null
}

/** The data must cover the rest of the file exactly: gaps and overlaps are how other things hide in it. */
function checkContiguous(header: Header, tensors: StoredTensor[]): void {
  let end = header.dataStart
  for (const tensor of tensors.toSorted((a, b) => a.position - b.position)) {
    if (tensor.position !== end) {
      const problem =
        tensor.position < end ? 'overlaps the tensor before it' : 'leaves a gap after the tensor before it'
      throw invalidFile(placeOf(header, tensor.name), `its data ${problem}`)
    }
    end += tensor.sizeBytes
  }
  const { path, sizeBytes } = header.source
  if (end === sizeBytes) return
  const place = { path, field: 'data', offset: end }
  throw invalidFile(place, `${figure(sizeBytes - end)} bytes after the last tensor belong to none`)
}
