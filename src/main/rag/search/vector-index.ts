/**
 * A collection's vectors side by side in memory, searched exactly: every row's dot product with the query.
 * The memory is WebAssembly's: the query (or its int16 form), then a score for each row, then the rows, padded.
 */
import { MoruError } from '../../../shared/errors'
import { type StoredVector, type StoredVectorModel } from '../../store'
import { int8QueryLimit, rowAlignment } from './scan-kernel'
import { type ScanThread } from './scan-thread'
import { bestSlots } from './text-index'

export interface VectorMatch {
  /** vector.seq */
  rowSeq: number
  chunkSeq: number
  documentSeq: number
  /** The dot product: the cosine, where the model normalises. */
  score: number
}

const pageBytes = 65_536
const mostBytes = 65_536 * pageBytes
const aligned = (bytes: number) => Math.ceil(bytes / 64) * 64

export class VectorIndex {
  readonly model: StoredVectorModel
  readonly #thread: ScanThread
  /** Bytes of a row. */
  readonly #stride: number
  readonly #rowSeqs: number[] = []
  readonly #chunkSeqs: number[] = []
  readonly #documentSeqs: number[] = []
  #scales: Float32Array<ArrayBuffer> = new Float32Array(0)
  #alive: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  #memory: WebAssembly.Memory | null = null
  #capacity = 0
  #live = 0
  /** Scans of one memory take turns: they share its query and scores. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(model: StoredVectorModel, thread: ScanThread) {
    this.model = model
    this.#thread = thread
    const rowBytes = model.dim * (model.type === 'f32' ? 4 : 1)
    this.#stride = Math.ceil(rowBytes / rowAlignment[model.type]) * rowAlignment[model.type]
  }

  /** Vectors that can be found. */
  get size(): number {
    return this.#live
  }
  /** The largest StoredVector.seq that was added. */
  get lastSeq(): number {
    return this.#rowSeqs.at(-1) ?? 0
  }
  get bytes(): number {
    return (this.#memory?.buffer.byteLength ?? 0) + this.#capacity * 29
  }
  /** The share of rows whose vectors are gone. */
  get waste(): number {
    return this.#rowSeqs.length === 0 ? 0 : 1 - this.#live / this.#rowSeqs.length
  }

  /** Makes room for that many rows in all. @throws out_of_memory when they are more than can be addressed. */
  reserve(rows: number): void {
    if (rows <= this.#capacity) return
    const bytes = this.#rowsAt(rows) + rows * this.#stride
    if (bytes > mostBytes)
      throw new MoruError(
        'out_of_memory',
        `${rows} vectors of ${this.model.dim} numbers take more than 4 GB. ` +
          (this.model.type === 'f32'
            ? 'Keep them as int8 in the settings of the collection.'
            : 'Split the collection.'),
      )
    const pages = Math.ceil(bytes / pageBytes)
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
    const scales = new Float32Array(rows)
    const alive = new Uint8Array(rows)
    const count = this.#rowSeqs.length
    if (this.#memory && count > 0) {
      const old = new Uint8Array(this.#memory.buffer, this.#rowsAt(this.#capacity), count * this.#stride)
      new Uint8Array(memory.buffer, this.#rowsAt(rows)).set(old)
    }
    scales.set(this.#scales.subarray(0, count))
    alive.set(this.#alive.subarray(0, count))
    this.#memory = memory
    this.#scales = scales
    this.#alive = alive
    this.#capacity = rows
  }

  /** Adds vectors, in ascending order of seq and after all that are there. */
  add(rows: readonly StoredVector[]): void {
    const first = this.#rowSeqs.length
    if (first + rows.length > this.#capacity) this.reserve(Math.max(first + rows.length, Math.ceil(first * 1.5)))
    if (!this.#memory) return
    const bytes = new Uint8Array(this.#memory.buffer, this.#rowsAt(this.#capacity))
    rows.forEach((row, i) => {
      bytes.set(row.data, (first + i) * this.#stride)
      this.#scales[first + i] = row.scale
      this.#alive[first + i] = 1
      this.#rowSeqs.push(row.seq)
      this.#chunkSeqs.push(row.chunkSeq)
      this.#documentSeqs.push(row.documentSeq)
    })
    this.#live += rows.length
  }

  /** Removes the vectors whose seq is not among `present` (ascending). */
  keepOnly(present: readonly number[]): void {
    let at = 0
    this.#rowSeqs.forEach((seq, slot) => {
      while (at < present.length && present[at] < seq) at++
      if (this.#alive[slot] === 0 || present[at] === seq) return
      this.#alive[slot] = 0
      this.#live--
    })
  }

  /**
   * The `limit` vectors nearest to the query, nearest first.
   * @param query f32[dim]. @param documents the only documents to look in, by document.seq.
   * @throws invalid_input for a query of another length.
   */
  async search(query: Float32Array, limit: number, documents: ReadonlySet<number> | null): Promise<VectorMatch[]> {
    if (query.length !== this.model.dim)
      throw new MoruError('invalid_input', `The query has ${query.length} numbers, the vectors ${this.model.dim}.`)
    const result = this.#turn.then(() => this.#scan(query, limit, documents))
    this.#turn = result.catch(() => undefined)
    return result
  }

  async #scan(query: Float32Array, limit: number, documents: ReadonlySet<number> | null): Promise<VectorMatch[]> {
    const memory = this.#memory
    const count = this.#rowSeqs.length
    if (!memory || count === 0) return []
    const queryScale = this.#placeQuery(memory, query)
    const scoresAt = this.#queryBytes()
    const rowsAt = this.#rowsAt(this.#capacity)
    const kernel = this.model.type === 'f32' ? 'scan_f32' : 'scan_int8'
    await this.#thread.run(memory, kernel, [0, rowsAt, count, this.#stride, scoresAt])
    const scores = new Float32Array(memory.buffer, scoresAt, count)
    if (this.model.type === 'int8') for (let i = 0; i < count; i++) scores[i] *= this.#scales[i] * queryScale
    const passes = (slot: number) =>
      this.#alive[slot] === 1 && (documents === null || documents.has(this.#documentSeqs[slot]))
    return bestSlots(scores, limit, -Infinity, passes).map((slot) => ({
      rowSeq: this.#rowSeqs[slot],
      chunkSeq: this.#chunkSeqs[slot],
      documentSeq: this.#documentSeqs[slot],
      score: scores[slot],
    }))
  }

  /** @returns what the sums of int8 rows are to be multiplied with. */
  #placeQuery(memory: WebAssembly.Memory, query: Float32Array): number {
    if (this.model.type === 'f32') {
      new Float32Array(memory.buffer, 0, query.length).set(query)
      return 1
    }
    let largest = 0
    for (const v of query) largest = Math.max(largest, Math.abs(v))
    const scale = largest / int8QueryLimit(this.#stride) || 1
    new Int16Array(memory.buffer, 0, query.length).set(query.map((v) => Math.round(v / scale)))
    return scale
  }

  #queryBytes(): number {
    return aligned(this.model.type === 'f32' ? this.#stride : 2 * this.#stride)
  }
  #rowsAt(capacity: number): number {
    return this.#queryBytes() + aligned(4 * capacity)
  }
}
