import { throwIfCancelled } from '../../../shared/errors'
import { childCommand } from './child-command'
import { defaultLimits, type DocumentFile, type ParsedDocument, type ParseLimits } from './document'
import { ParserProcess } from './parser-process'
import { problemOf } from './problem'

export interface DocumentParserOptions {
  /** Children at most. */
  processes?: number
  /** Memory of each child. */
  memoryBytes?: number
}

/** Parses documents in child processes, so that no file can stop, bloat or crash the one that asks. */
export class DocumentParser {
  readonly #processes: ParserProcess[] = []
  #free: ParserProcess[] = []
  #waiting: ((process: ParserProcess | null) => void)[] = []

  constructor({ processes = 2, memoryBytes = 1024 * 2 ** 20 }: DocumentParserOptions = {}) {
    for (let i = 0; i < processes; i++) this.#processes.push(new ParserProcess(() => childCommand(), memoryBytes))
    this.#free = [...this.#processes]
  }

  /**
   * The text and structure of a file. Waits while all children are busy; `timeMs` begins when one is free.
   * Throws a MoruError whose `details.reason` is a DocumentProblem, or `cancelled`.
   */
  async parseDocument(
    file: DocumentFile,
    limits: Partial<ParseLimits> = {},
    signal?: AbortSignal,
  ): Promise<ParsedDocument> {
    const process = await this.#take(signal)
    try {
      const whole = { ...defaultLimits, ...limits }
      return await process.parse(file, whole, signal).catch((thrown: unknown) => {
        // A child may die of what is not in the document: someone ended it, or the system was short of memory.
        if (problemOf(thrown) === 'crashed') return process.parse(file, whole, signal)
        throw thrown
      })
    } finally {
      const next = this.#waiting.shift()
      if (next) next(process)
      else this.#free.push(process)
    }
  }

  /** Kills the children; what they were reading is rejected. The parser may be used again. */
  close(): void {
    for (const process of this.#processes) process.close()
  }

  async #take(signal?: AbortSignal): Promise<ParserProcess> {
    throwIfCancelled(signal)
    // The one used last is warm.
    const free = this.#free.pop()
    if (free) return free
    const given = await new Promise<ParserProcess | null>((resolve) => {
      const onAbort = () => {
        this.#waiting = this.#waiting.filter((other) => other !== give)
        resolve(null)
      }
      const give = (process: ParserProcess | null) => {
        signal?.removeEventListener('abort', onAbort)
        resolve(process)
      }
      this.#waiting.push(give)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
    if (!given) throwIfCancelled(signal)
    return given!
  }
}
