import { createHash } from 'node:crypto'
import { type EmbeddingSource, type HeldEmbedder } from '../../../../src/main/rag'
import { MoruError } from '../../../../src/shared/errors'

/**
 * An embedding of words: each word of a to z is a fixed random direction, a text their normalised sum; words of other
 * letters are all the same to it, as Korean is to an English model. Tests compute with it what a model on the GPU would.
 */
export function embedWords(text: string, dim = 64): Float32Array {
  const vector = new Float32Array(dim)
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
    const bytes = createHash('shake256', { outputLength: dim })
      .update(/^[a-z]+$/.test(word) ? word : '?')
      .digest()
    for (let i = 0; i < dim; i++) vector[i] += bytes[i] / 127.5 - 1
  }
  const length = Math.hypot(...vector) || 1
  return vector.map((v) => v / length)
}

/** An encoder by words, and 'cross', which ranks by the share of the query's words that a text has. */
export class WordEmbeddings implements EmbeddingSource {
  readonly asked: string[] = []
  fails = false

  defaultEmbedderId(): string {
    return 'words'
  }

  async ensureEmbedder(model: string | null): Promise<HeldEmbedder> {
    const id = model ?? 'words'
    if (this.fails) throw new MoruError('no_adapter', 'There is no GPU.')
    const embedder = {
      dim: 64,
      embed: async (texts: string[]) => {
        this.asked.push(...texts)
        return texts.map((text) => embedWords(text))
      },
      // Words of a to z, and three tokens for every other letter.
      countTokens: (text: string) => (text.match(/[a-z]+/giu)?.length ?? 0) + 3 * (text.match(/\p{Lo}/gu)?.length ?? 0),
      rank: async (query: string, texts: string[]) => {
        const words = query.split(' ')
        return texts.map((text) => words.filter((word) => text.includes(word)).length / words.length)
      },
    } as unknown as HeldEmbedder['embedder']
    return { id, name: id, key: `key of ${id}`, embedder, release: () => undefined }
  }
}
