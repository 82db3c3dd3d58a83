/**
 * From offsets in the normalised text to offsets in the file's own text (UTF-16 units of the decoded file, without its
 * byte order mark). Between two anchors both advance in step, up to the next anchor's source offset.
 */
export interface SourceMap {
  /** Ascending. */
  text: Uint32Array
  source: Uint32Array
  /** Length of the decoded file. */
  sourceLength: number
}

export const identityMap = (length: number): SourceMap => ({
  text: new Uint32Array(0),
  source: new Uint32Array(0),
  sourceLength: length,
})

/** The offset in the source of an offset in the text. */
export function sourceOffset(map: SourceMap, offset: number): number {
  let low = 0
  let high = map.text.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (map.text[middle] <= offset) low = middle + 1
    else high = middle
  }
  const from = low === 0 ? { text: 0, source: 0 } : { text: map.text[low - 1], source: map.source[low - 1] }
  const next = low < map.source.length ? map.source[low] : map.sourceLength
  return Math.min(from.source + offset - from.text, next)
}

/** The range of the source that a range of the text came from. */
export function sourceRange(map: SourceMap, start: number, end: number): { start: number; end: number } {
  return { start: sourceOffset(map, start), end: sourceOffset(map, end) }
}

/** Collects anchors; they may be added with equal text offsets, the last one counts. */
export class SourceMapBuilder {
  #text: number[] = []
  #source: number[] = []

  anchor(text: number, source: number): void {
    const last = this.#text.length - 1
    if (last >= 0 && this.#text[last] === text) this.#source[last] = source
    else {
      this.#text.push(text)
      this.#source.push(source)
    }
  }

  build(sourceLength: number): SourceMap {
    return { text: Uint32Array.from(this.#text), source: Uint32Array.from(this.#source), sourceLength }
  }
}
