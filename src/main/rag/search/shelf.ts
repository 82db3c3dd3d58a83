/** Indexes in memory: brought up to date when asked for, bounded in bytes, the one unused for longest dropped first. */

/** What the shelf needs of an index of rows whose seq rises with every writing. */
interface RowIndex<Row> {
  readonly size: number
  readonly lastSeq: number
  readonly bytes: number
  readonly waste: number
  add(rows: readonly Row[]): void
  keepOnly(present: readonly number[]): void
}

/** Where an index comes from. */
export interface ShelfSource<Row, Index extends RowIndex<Row>> {
  /** Names what is indexed. */
  key: string
  /** Rises with every change of it. */
  version(): number
  create(): Index
  page(afterSeq: number, limit: number): readonly Row[]
  seqs(): readonly number[]
}

interface Entry<Index> {
  index: Index
  version: number
  loading: Promise<Index> | null
}

/** Rows that are read at once: a few milliseconds. */
const pageRows = 1000
/** From this share of rows that are gone, an index is made anew. */
const mostWaste = 0.3

export class Shelf<Row, Index extends RowIndex<Row>> {
  readonly #budgetBytes: number
  /** In the order of use, the latest last. */
  readonly #entries = new Map<string, Entry<Index>>()

  /** @param budgetBytes above it, all but the index in use go. */
  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  /** The index of `source` as it is now. Reads in slices and gives way to others in between. */
  async open(source: ShelfSource<Row, Index>): Promise<Index> {
    const entry = this.#entries.get(source.key) ?? { index: source.create(), version: -1, loading: null }
    this.#entries.delete(source.key)
    this.#entries.set(source.key, entry)
    if (entry.version === source.version()) return entry.index
    entry.loading ??= this.#refresh(entry, source).finally(() => (entry.loading = null))
    const index = await entry.loading
    this.#trim(entry)
    return index
  }

  /** Forgets the indexes whose key begins so. */
  drop(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key)
  }

  async #refresh(entry: Entry<Index>, source: ShelfSource<Row, Index>): Promise<Index> {
    for (;;) {
      const version = source.version()
      for (;;) {
        const rows = source.page(entry.index.lastSeq, pageRows)
        entry.index.add(rows)
        if (rows.length < pageRows) break
        await new Promise((go) => setImmediate(go))
      }
      if (entry.version >= 0 || source.version() !== version) entry.index.keepOnly(source.seqs())
      if (source.version() === version) entry.version = version
      if (entry.index.waste > mostWaste) {
        // Searches that hold the old index finish with it.
        entry.index = source.create()
        entry.version = -1
      }
      if (entry.version === version) return entry.index
    }
  }

  #trim(inUse: Entry<Index>): void {
    let bytes = 0
    for (const { index } of this.#entries.values()) bytes += index.bytes
    for (const [key, entry] of this.#entries) {
      if (bytes <= this.#budgetBytes) return
      if (entry === inUse || entry.loading) continue
      bytes -= entry.index.bytes
      this.#entries.delete(key)
    }
  }
}
