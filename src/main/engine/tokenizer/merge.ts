/** Pair merging, the core of byte-pair encoding: n symbols in O(n log n), whatever the text. */

/** Which neighbours may merge. `find` gives a merge's number or -1; `rank` orders merges (lowest first, then leftmost). */
export interface Merges {
  /** `start` and `end` are the offsets that the two symbols cover together. */
  find(left: number, right: number, start: number, end: number): number
  rank(merge: number): number
  /** Symbol that replaces both. */
  result(merge: number): number
}

/** Ranks and offsets share one heap key: rank * 2^32 + position stays below 2^53. */
const rankUnit = 2 ** 32

/**
 * Merges neighbours until none may merge. `symbols[0..count)` are rewritten; `offsets[i]` is where symbol i starts, and
 * offsets[count] the end. Returns how many symbols remain, their offsets moved along.
 */
export function mergeSymbols(symbols: Int32Array, offsets: Int32Array, count: number, merges: Merges): number {
  if (count < 2) return count
  const next = new Int32Array(count)
  const previous = new Int32Array(count)
  const pending = new Int32Array(count).fill(-1)
  const heap = new Heap(count)
  const look = (left: number): void => {
    const right = next[left]
    const after = right === count ? count : next[right]
    const merge = right === count ? -1 : merges.find(symbols[left], symbols[right], offsets[left], offsets[after])
    pending[left] = merge
    if (merge >= 0) heap.push(merges.rank(merge) * rankUnit + left)
  }
  for (let i = 0; i < count; i++) {
    next[i] = i + 1
    previous[i] = i - 1
  }
  for (let i = 0; i + 1 < count; i++) look(i)
  while (heap.size > 0) {
    const key = heap.pop()
    const left = key % rankUnit
    const merge = pending[left]
    if (merge < 0 || merges.rank(merge) !== (key - left) / rankUnit) continue // an entry that an earlier merge overtook
    const right = next[left]
    symbols[left] = merges.result(merge)
    pending[right] = -1
    next[left] = next[right]
    if (next[left] < count) previous[next[left]] = left
    look(left)
    if (previous[left] >= 0) look(previous[left])
  }
  return compact(symbols, offsets, next, count)
}

function compact(symbols: Int32Array, offsets: Int32Array, next: Int32Array, count: number): number {
  const end = offsets[count]
  let kept = 0
  for (let i = 0; i < count; i = next[i]) {
    symbols[kept] = symbols[i]
    offsets[kept++] = offsets[i]
  }
  offsets[kept] = end
  return kept
}

/** A binary min-heap of numbers. */
class Heap {
  size = 0
  private keys: Float64Array

  constructor(capacity: number) {
    this.keys = new Float64Array(Math.max(16, capacity))
  }

  push(key: number): void {
    if (this.size === this.keys.length) {
      const grown = new Float64Array(this.size * 2)
      grown.set(this.keys)
      this.keys = grown
    }
    const keys = this.keys
    let at = this.size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (keys[parent] <= key) break
      keys[at] = keys[parent]
      at = parent
    }
    keys[at] = key
  }

  pop(): number {
    const keys = this.keys
    const top = keys[0]
    const last = keys[--this.size]
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.size) break
      if (child + 1 < this.size && keys[child + 1] < keys[child]) child++
      if (keys[child] >= last) break
      keys[at] = keys[child]
      at = child
    }
    keys[at] = last
    return top
  }
}

/** Merge rules by rank: a hash table from a pair of symbols to the rule's number, which is its rank. */
export class MergeTable implements Merges {
  private readonly mask: number
  private readonly slots: Int32Array
  private readonly lefts: Int32Array
  private readonly rights: Int32Array
  private readonly results: Int32Array
  /** Seeded, so that no file can be made whose pairs all collide. */
  private readonly seed = Math.floor(Math.random() * 2 ** 32) | 0
  private count = 0

  constructor(capacity: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(8, capacity * 2)))
    this.mask = slots - 1
    this.slots = new Int32Array(slots).fill(-1)
    this.lefts = new Int32Array(capacity)
    this.rights = new Int32Array(capacity)
    this.results = new Int32Array(capacity)
  }

  /** Adds the next rule; of a repeated pair the first one counts. */
  add(left: number, right: number, result: number): void {
    const merge = this.count++
    this.lefts[merge] = left
    this.rights[merge] = right
    this.results[merge] = result
    const slot = this.slot(left, right)
    if (this.slots[slot] < 0) this.slots[slot] = merge
  }

  find(left: number, right: number): number {
    return this.slots[this.slot(left, right)]
  }

  rank(merge: number): number {
    return merge
  }

  result(merge: number): number {
    return this.results[merge]
  }

  private slot(left: number, right: number): number {
    let hash = Math.imul(left ^ this.seed, 0x9e3779b1)
    hash = Math.imul(hash ^ (hash >>> 15) ^ right, 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    let slot = (hash ^ (hash >>> 16)) & this.mask
    for (;;) {
      const merge = this.slots[slot]
      if (merge < 0 || (this.lefts[merge] === left && this.rights[merge] === right)) return slot
      slot = (slot + 1) & this.mask
    }
  }
}
