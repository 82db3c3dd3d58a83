import { stat } from 'node:fs/promises'
import { loadTokenizer, openModelFile } from '../engine'

type Loaded = Awaited<ReturnType<typeof loadTokenizer>>

/** The tokenizer of the model that was last asked about without being loaded, for as long as its file is the same. */
export class TokenizerCache {
  #last: { key: string; loaded: Loaded } | null = null

  /** @throws what opening the file and reading its vocabulary throw */
  async of(path: string): Promise<Loaded> {
    const { mtimeMs, size } = await stat(path)
    const key = `${path} ${mtimeMs} ${size}`
    if (this.#last?.key === key) return this.#last.loaded
    const file = await openModelFile(path)
    try {
      const loaded = await loadTokenizer(file)
      this.#last = { key, loaded }
      return loaded
    } finally {
      await file.close()
    }
  }
}
