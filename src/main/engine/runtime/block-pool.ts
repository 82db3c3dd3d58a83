/**
 * Blocks of the key/value cache: who holds them, and which tokens the free ones still remember.
 * Blocks are shared by content, as in PagedAttention (Kwon et al., arXiv 2309.06180): a full block is known by its tokens and
 * all tokens before it, so any sequence with the same beginning takes it instead of computing it.
 */
import { MoruError } from '../../../shared/errors'
import { blockTokens } from '../kernels/attention'

interface Block {
  holders: number
  /** Which prefix its keys and values belong to; null: none that others may use. */
  prefix: string | null
}

/** Names kept for each block before those that no block remembers are dropped. */
const namesPerBlock = 8

export class BlockPool {
  readonly size: number
  private readonly blocks: Block[]
  /** Blocks nobody holds and that remember nothing: taken first. */
  private readonly blank = new Set<number>()
  /** Blocks nobody holds that others may still use, least recently used first. */
  private readonly remembered = new Set<number>()
  private readonly byPrefix = new Map<string, number>()
  /** Prefixes by what they extend and their tokens; a short name for each keeps keys of constant length. */
  private readonly names = new Map<string, string>()
  private nextName = 1

  constructor(size: number) {
    this.size = size
    this.blocks = Array.from({ length: size }, () => ({ holders: 0, prefix: null }))
    for (let i = 0; i < size; i++) this.blank.add(i)
  }

  /** Blocks that can be taken now; some of them may still remember tokens. */
  get available(): number {
    return this.blank.size + this.remembered.size
  }

  get used(): number {
    return this.size - this.available
  }

  /** Prefixes that have a name, eight a block at most. */
  get named(): number {
    return this.names.size
  }

  /** A block for new tokens, or null when all are held. What it remembered is forgotten. */
  take(): number | null {
    const from = this.blank.size > 0 ? this.blank : this.remembered
    const next = from.values().next()
    if (next.done) return null
    from.delete(next.value)
    const block = this.blocks[next.value]
    this.forget(block)
    block.holders = 1
    return next.value
  }

  /** The longest run of remembered blocks that `ids` begin with, now held by the caller too; at most `most` tokens. */
  takePrefix(ids: ArrayLike<number>, most: number): number[] {
    const taken: number[] = []
    let prefix = ''
    for (let end = blockTokens; end <= most; end += blockTokens) {
      const name = this.names.get(prefixKey(prefix, ids, end))
      const index = name === undefined ? undefined : this.byPrefix.get(name)
      if (name === undefined || index === undefined) break
      this.blocks[index].holders++
      this.remembered.delete(index)
      taken.push(index)
      prefix = name
    }
    return taken
  }

  /** Lets others find a full block: the one of tokens [end - 16, end) of `ids`, extending `prefix`. Returns its own prefix name. */
  publish(index: number, prefix: string, ids: ArrayLike<number>, end: number): string {
    const key = prefixKey(prefix, ids, end)
    let name = this.names.get(key)
    if (name === undefined) this.names.set(key, (name = String(this.nextName++)))
    // A block that remembers something keeps its name: others may have found it by that.
    if (!this.byPrefix.has(name) && this.blocks[index].prefix === null) {
      this.byPrefix.set(name, index)
      this.blocks[index].prefix = name
    }
    if (this.names.size > this.size * namesPerBlock) this.dropNames()
    return name
  }

  /** Gives blocks back, later ones first to be reused: beginnings are what other sequences share. */
  release(indices: number[]): void {
    for (const index of [...indices].reverse()) {
      const block = this.blocks[index]
      if (block.holders === 0) throw new MoruError('internal', `Block ${index} was given back, but nobody holds it.`)
      if (--block.holders > 0) continue
      if (block.prefix === null) this.blank.add(index)
      else this.remembered.add(index)
    }
  }

  /** Forgets what free blocks remember: whoever measures wants everything computed, and what was overwritten must not be found. */
  forgetAll(): void {
    for (const index of this.remembered) {
      this.forget(this.blocks[index])
      this.blank.add(index)
    }
    this.remembered.clear()
    this.dropNames()
  }

  /** Blocks held by several sequences at once. */
  get shared(): number {
    return this.blocks.reduce((count, block) => count + Number(block.holders > 1), 0)
  }

  /** Free blocks that still remember tokens. */
  get kept(): number {
    return this.remembered.size
  }

  private forget(block: Block): void {
    if (block.prefix !== null) this.byPrefix.delete(block.prefix)
    block.prefix = null
  }

  /** Names of prefixes no block remembers any more. */
  private dropNames(): void {
    for (const [key, name] of this.names) if (!this.byPrefix.has(name)) this.names.delete(key)
  }
}

function prefixKey(prefix: string, ids: ArrayLike<number>, end: number): string {
  let key = prefix
  for (let i = end - blockTokens; i < end; i++) key += `,${ids[i]}`
  return key
}
