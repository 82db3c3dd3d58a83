/** What holds memory, sample by sample, for as long as the host lives. */
import { type MemorySample } from '../../shared/contract/profiler'
import { type LoadSettings } from '../../shared/contract/sampling'
import { ChangeNotice } from '../jobs'
import { type ModelLibrary } from '../models'
import { type Store } from '../store'

export interface HeldMemory {
  totalBytes: number
  model: {
    id: string
    load: LoadSettings
    kvBlocks: { used: number; shared: number; kept: number; total: number }
  } | null
}

export interface MemorySources {
  engine: { memory(): HeldMemory }
  library: Pick<ModelLibrary, 'get'>
  store: Pick<Store, 'databaseBytes' | 'vectors'>
}

const everyMs = 1000
const mostSamples = 600
/** Counting vectors looks at each of them. */
const vectorsEveryMs = 30_000

export class MemoryWatch {
  readonly #sources: MemorySources
  readonly #notice = new ChangeNotice()
  #samples: MemorySample[] = []
  #timer: NodeJS.Timeout | null = null
  #plan: { key: string; weightsBytes: number; workspaceBytes: number; kvBytes: number } | null = null
  #vectors = { at: -Infinity, bytes: 0 }

  constructor(sources: MemorySources) {
    this.#sources = sources
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#take().catch(() => undefined), everyMs).unref()
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
  }

  /** All samples, then each new one, until the signal fires. */
  async *follow(signal: AbortSignal): AsyncGenerator<{ samples: MemorySample[] }> {
    await this.#take()
    this.start()
    let seen = 0
    while (!signal.aborted) {
      const fresh = this.#samples.filter((s) => s.at > seen)
      if (fresh.length > 0) {
        seen = fresh[fresh.length - 1].at
        yield { samples: fresh }
      } else await this.#notice.next(signal)
    }
  }

  async #take(): Promise<void> {
    const sample = await this.#sample()
    const last = this.#samples.at(-1)
    if (last && JSON.stringify({ ...last, at: 0 }) === JSON.stringify({ ...sample, at: 0 })) return
    this.#samples.push(sample)
    if (this.#samples.length > mostSamples) this.#samples = this.#samples.slice(-mostSamples)
    this.#notice.announce()
  }

  async #sample(): Promise<MemorySample> {
    const { engine, store } = this.#sources
    const { totalBytes, model } = engine.memory()
    const plan = model && (await this.#planOf(model.id, model.load))
    const { used, shared, kept, total } = model?.kvBlocks ?? { used: 0, shared: 0, kept: 0, total: 1 }
    const block = (plan?.kvBytes ?? 0) / Math.max(1, total)
    const held = plan ? plan.weightsBytes + plan.workspaceBytes + plan.kvBytes : 0
    return {
      at: Date.now(),
      weightsBytes: plan?.weightsBytes ?? 0,
      workspaceBytes: plan?.workspaceBytes ?? 0,
      kvUsedBytes: (used - shared) * block,
      kvSharedBytes: shared * block,
      kvKeptBytes: kept * block,
      kvFreeBytes: Math.max(0, total - used - kept) * block,
      otherBytes: Math.max(0, totalBytes - held),
      vectorsBytes: this.#vectorBytes(),
      databaseBytes: store.databaseBytes(),
    }
  }

  /** The parts of a model that is loaded, as they were planned: the runtime allocates just that. */
  async #planOf(id: string, load: LoadSettings) {
    const key = JSON.stringify([id, load])
    if (this.#plan?.key === key) return this.#plan
    const { weightsBytes, workspaceBytes, kvBytes } = (await this.#sources.library.get(id, load)).memoryPlan
    return (this.#plan = { key, weightsBytes, workspaceBytes, kvBytes })
  }

  #vectorBytes(): number {
    if (performance.now() - this.#vectors.at > vectorsEveryMs)
      this.#vectors = { at: performance.now(), bytes: this.#sources.store.vectors.totalBytes() }
    return this.#vectors.bytes
  }
}
