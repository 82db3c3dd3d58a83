/**
 * Korean morphemes as further terms, by garu-ko's analyser. It takes about 25 ms for a paragraph, so it runs in a worker
 * thread, which starts when first needed and ends when it was idle for a while.
 */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { MoruError, throwIfCancelled } from '../../../shared/errors'

/** A morpheme: `word` numbers the space-delimited word it is of. */
export interface Morpheme {
  text: string
  /** Sejong tag: NNG, VV, JKS, ... */
  tag: string
  word: number
}

const idleMs = 60_000
/** What carries meaning: nouns, pronouns, numerals, verbs, adjectives, modifiers, roots, prefixes, foreign words, numbers. */
const meaningful = /^(NNG|NNP|NNB|NR|NP|VV|VA|VX|MM|MAG|XR|XPN|SL|SH|SN)$/
/** Keeps morphemes apart from words: no word has this character. */
const prefix = 'm:'

// Beside the dependencies and outside the bundle, so the source is here; it may import by address only.
const workerSource = `
import { parentPort, workerData } from 'node:worker_threads'
const { Garu } = await import(workerData)
const garu = await Garu.load()
parentPort.on('message', ({ id, texts }) => {
  try {
    const lists = texts.map((text) => garu.analyze(text).tokens.map((t) => ({ text: t.text, tag: t.pos, word: t.start })))
    parentPort.postMessage({ id, lists })
  } catch (error) {
    parentPort.postMessage({ id, error: String(error) })
  }
})`

interface Pending {
  resolve(lists: Morpheme[][]): void
  reject(error: Error): void
}

export class MorphemeAnalyser {
  #worker: Worker | null = null
  #nextId = 1
  #idle: NodeJS.Timeout | undefined
  readonly #pending = new Map<number, Pending>()

  /** The morphemes of each text, in order. @throws cancelled, internal when the analyser fails. */
  async analyse(texts: readonly string[], signal?: AbortSignal): Promise<Morpheme[][]> {
    throwIfCancelled(signal)
    if (texts.length === 0) return []
    const worker = (this.#worker ??= this.#start())
    clearTimeout(this.#idle)
    worker.ref()
    const id = this.#nextId++
    try {
      const lists = await new Promise<Morpheme[][]>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject })
        worker.postMessage({ id, texts })
      })
      throwIfCancelled(signal)
      return lists
    } finally {
      this.#pending.delete(id)
      if (this.#pending.size === 0) this.#rest(worker)
    }
  }

  /** Ends the worker; the next call starts another. */
  close(): void {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = null
    void worker?.terminate()
  }

  #rest(worker: Worker): void {
    worker.unref()
    this.#idle = setTimeout(() => this.close(), idleMs)
    this.#idle.unref()
  }

  #start(): Worker {
    const garu = pathToFileURL(createRequire(import.meta.url).resolve('garu-ko')).href
    const source = new URL(`data:text/javascript,${encodeURIComponent(workerSource)}`)
    // The analyser's glue code warns of its own call on every start.
    const worker = new Worker(source, { workerData: garu, stdout: true, stderr: true })
    worker.on('message', ({ id, lists, error }: { id: number; lists: Morpheme[][]; error?: string }) => {
      const pending = this.#pending.get(id)
      if (error === undefined) pending?.resolve(lists)
      else pending?.reject(new MoruError('internal', `The Korean analyser failed: ${error}`))
    })
    const fail = (why: string) => {
      if (this.#worker === worker) this.#worker = null
      for (const { reject } of this.#pending.values())
        reject(new MoruError('internal', `The Korean analyser stopped: ${why}`))
    }
    worker.on('error', (error) => fail(String(error)))
    worker.on('exit', (code) => fail(`exit code ${code}`))
    return worker
  }
}

/** The terms of a text's morphemes: those with meaning, and each two of them that touch in a word ('정보' '검색': '정보검색'). */
export function morphemeTerms(morphemes: readonly Morpheme[]): string[] {
  const terms: string[] = []
  morphemes.forEach((morpheme, i) => {
    if (!meaningful.test(morpheme.tag)) return
    const text = morpheme.text.toLowerCase()
    terms.push(prefix + text)
    const before = morphemes[i - 1]
    if (before && before.word === morpheme.word && meaningful.test(before.tag))
      terms.push(prefix + before.text.toLowerCase() + text)
  })
  return terms
}
