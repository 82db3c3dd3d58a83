/** Reads a bounded piece of a file as strict JSON. */
import { isAscii } from 'node:buffer'
import { figure, invalidFile } from './file-error'
import type { SourceFile } from './source-file'
import { JsonFault, parseStrictJson, type JsonObject } from './strict-json'

/** Longest header or index: room for fifty thousand tensors, and parsed within a second. */
export const longestJson = 8 * 1024 * 1024
/** What a JavaScript string of the text may take beyond the file's own size. */
const spareBytes = 1024 * 1024

/**
 * The JSON object in bytes [start, start + length), which the caller knows to be inside the file.
 * @throws MoruError invalid_file naming `field` and the byte
 */
export async function readJsonObject(
  source: SourceFile,
  start: number,
  length: number,
  field: string,
): Promise<{ text: string; object: JsonObject }> {
  const place = (offset: number) => ({ path: source.path, field, offset })
  if (length > longestJson) {
    throw invalidFile(place(start), `${figure(length)} bytes of JSON; at most ${figure(longestJson)} are read`)
  }
  const bytes = new Uint8Array(length)
  await source.readInto(bytes, start)
  if (2 * length > source.sizeBytes + spareBytes && !isAscii(bytes)) {
    throw invalidFile(place(start), `${figure(length)} bytes of JSON are too many beside so few weights`)
  }
  const text = decode(bytes)
  if (text === null) throw invalidFile(place(start), 'the JSON is not valid UTF-8')
  try {
    const object = parseStrictJson(text)
    if (object instanceof Map) return { text, object }
  } catch (thrown) {
    if (!(thrown instanceof JsonFault)) throw thrown
    throw invalidFile(place(start + thrown.offset), `the JSON is broken: ${thrown.message}`)
  }
  throw invalidFile(place(start), 'the JSON is not an object')
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}
