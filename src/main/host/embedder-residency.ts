/** The encoders that live beside the chat model: loaded when asked for, kept while they are used, let go when idle. */
import { createHash } from 'node:crypto'
import { open, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MoruError } from '../../shared/errors'
import { type Embedder, type Engine, openModelFile } from '../engine'
import { Turnstile } from '../jobs'
import { type HeldEmbedder } from '../rag'
import { type Log } from './log'

/** An encoder that nobody asked for so long gives its memory back. */
const idleMs = 10 * 60_000
/** So many stay at most when nobody uses them: an embedding model, its successor and a cross-encoder. */
const mostIdle = 3
/** Bytes of a weight file that stand for all of it: its head and as many pieces spread over it. */
const sampleBytes = 4096
const samples = 64

interface Resident {
  id: string
  name: string
  path: string
  key: string
  embedder: Embedder
  /** The device it was loaded on: on another one it is gone. */
  device: unknown
  holders: number
  usedAt: number
}

export class EmbedderResidency {
  readonly #engine: Engine
  readonly #log: Log
  readonly #turnstile = new Turnstile()
  readonly #residents = new Map<string, Resident>()
  readonly #timer: NodeJS.Timeout

  constructor(engine: Engine, log: Log) {
    this.#engine = engine
    this.#log = log
    this.#timer = setInterval(() => void this.#dropIdle(idleMs, mostIdle), idleMs / 10)
    this.#timer.unref()
  }

  /** Loads the model where it is not there, and holds it. @throws what loading throws. */
  ensure(model: { id: string; name: string; path: string }, signal?: AbortSignal): Promise<HeldEmbedder> {
    return this.#turnstile.run(async () => {
      const device = await this.#engine.open()
      let resident = this.#residents.get(model.id)
      if (resident && (resident.device !== device || resident.path !== model.path)) {
        this.#residents.delete(model.id)
        resident = undefined
      }
      resident ??= await this.#load(model, device, signal)
      resident.holders += 1
      return this.#held(resident)
    }, signal)
  }

  /** Frees what nobody uses now: something else needs the memory. @returns whether there was any. */
  makeRoom(): Promise<boolean> {
    return this.#dropIdle(0, 0)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    const all = [...this.#residents.values()]
    this.#residents.clear()
    for (const { embedder } of all) await this.#engine.unload(embedder)
  }

  #held(resident: Resident): HeldEmbedder {
    let released = false
    const { id, name, key, embedder } = resident
    const release = () => {
      if (released) return
      released = true
      resident.holders -= 1
      resident.usedAt = performance.now()
    }
    return { id, name, key, embedder, release }
  }

  async #load(model: { id: string; name: string; path: string }, device: unknown, signal?: AbortSignal) {
    await this.#dropIdle(Infinity, mostIdle - 1)
    const key = await fingerprint(model.path)
    const embedder = await this.#engine.loadEmbedder(model.path, { signal })
    this.#log.info({ model: model.id, loadMs: Math.round(embedder.loadMs) }, 'embedding model loaded')
    const whole = `${key}/${embedder.settings.pooling}/${embedder.settings.normalize ? 'unit' : 'raw'}`
    const resident = { ...model, key: whole, embedder, device, holders: 0, usedAt: performance.now() }
    this.#residents.set(model.id, resident)
    return resident
  }

  async #dropIdle(afterMs: number, keep: number): Promise<boolean> {
    const now = performance.now()
    const idle = [...this.#residents.values()].filter((r) => r.holders === 0).sort((a, b) => a.usedAt - b.usedAt)
    const over = Math.max(0, this.#residents.size - keep)
    const going = idle.filter((r, i) => i < over || now - r.usedAt >= afterMs)
    for (const resident of going) {
      this.#residents.delete(resident.id)
      await this.#engine.unload(resident.embedder)
    }
    return going.length > 0
  }
}

/** Tells weights and tokenizer apart by size and by samples of their bytes: hashing gigabytes would take minutes. */
async function fingerprint(path: string): Promise<string> {
  const file = await openModelFile(path)
  const paths = file.paths
  await file.close()
  const folder = dirname(paths[0])
  const beside = file.format === 'gguf' ? [] : (await readdir(folder)).filter((name) => name.endsWith('.json')).sort()
  const hash = createHash('sha256')
  for (const one of [...paths, ...beside.map((name) => join(folder, name))]) await addSamples(one, hash)
  return hash.digest('hex').slice(0, 32)
}

async function addSamples(path: string, hash: ReturnType<typeof createHash>): Promise<void> {
  const { size } = await stat(path)
  hash.update(`${size};`)
  const handle = await open(path)
  try {
    const step = Math.max(sampleBytes, Math.floor(size / samples))
    const buffer = Buffer.alloc(sampleBytes)
    for (let at = 0; at < size; at += step) {
      const { bytesRead } = await handle.read(buffer, 0, sampleBytes, at)
      if (bytesRead === 0) throw new MoruError('io', `${path} became shorter while it was read.`)
      hash.update(buffer.subarray(0, bytesRead))
    }
  } finally {
    await handle.close()
  }
}
