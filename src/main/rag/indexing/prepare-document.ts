/** One file on its way into a collection: hashed, parsed in a child process, cut into chunks with their terms. */
import { basename, extname } from 'node:path'
import { throwIfCancelled, toMoruError } from '../../../shared/errors'
import { type DocumentFile as StoredFile, type KnownDocument, type NewChunk } from '../../store'
import {
  type Chunk,
  chunkDocument,
  defaultLimits,
  type DocumentParser,
  languageOf,
  type ParsedDocument,
  problemOf,
} from '../documents'
import { hashFile } from './changes'
import { type FoundFile } from './walk'

/** How the texts of a collection are cut. */
export interface ChunkRecipe {
  maxTokens: number
  overlap: number
  countTokens: (text: string) => number
  /** Occurrences of each term in each text, by analyser. */
  terms: (texts: readonly string[], signal: AbortSignal) => Promise<NewChunk['terms'][]>
}

export type Prepared =
  | { kind: 'same'; document: KnownDocument; file: FoundFile }
  | { kind: 'read'; file: StoredFile; parsed: ParsedDocument; chunks: NewChunk[] }
  | { kind: 'failed'; file: StoredFile; reason: string }

/** Problems that say nothing about the content: another try may go well. */
const passing = new Set(['unreadable', 'time_limit', 'memory_limit', 'crashed'])

/** @param known the document that is indexed under the path, if any. @throws cancelled; what is wrong with a file is a result. */
export async function prepareFile(
  parser: DocumentParser,
  found: FoundFile,
  known: KnownDocument | undefined,
  recipe: ChunkRecipe,
  signal: AbortSignal,
): Promise<Prepared> {
  const { path, sizeBytes } = found
  const contentHash = sizeBytes <= defaultLimits.fileBytes ? await hashFile(path, signal) : null
  if (known && known.state !== 'pending' && contentHash !== null && contentHash === known.contentHash)
    return { kind: 'same', document: known, file: found }
  const file = { ...found, contentHash, title: basename(path), type: extname(path).slice(1).toLowerCase() || 'file' }
  try {
    const parsed = await parser.parseDocument({ path }, {}, signal)
    const chunks = await chunksOf(parsed, recipe, signal)
    return { kind: 'read', file: { ...file, title: parsed.title, type: parsed.type }, parsed, chunks }
  } catch (thrown) {
    throwIfCancelled(signal)
    const problem = problemOf(thrown)
    const verdict = problem !== null && !passing.has(problem) ? contentHash : null
    return { kind: 'failed', file: { ...file, contentHash: verdict }, reason: toMoruError(thrown).message }
  }
}

/** Texts go to the analyser in such portions: others get their turn in between. */
const portion = 64

/** The chunks of a document with the terms of each analyser, still without vectors. */
export async function chunksOf(parsed: ParsedDocument, recipe: ChunkRecipe, signal: AbortSignal): Promise<NewChunk[]> {
  const cut: Chunk[] = chunkDocument(parsed, recipe)
  const chunks: NewChunk[] = []
  for (let at = 0; at < cut.length; at += portion) {
    await new Promise((resolve) => setImmediate(resolve))
    throwIfCancelled(signal)
    const some = cut.slice(at, at + portion)
    const terms = await recipe.terms(
      some.map((chunk) => chunk.text),
      signal,
    )
    some.forEach((chunk, i) => chunks.push(newChunk(chunk, terms[i])))
  }
  return chunks
}

const newChunk = (chunk: Chunk, terms: NewChunk['terms']): NewChunk => ({
  start: chunk.start,
  end: chunk.end,
  page: chunk.page,
  headings: chunk.headings,
  text: chunk.text,
  tokens: chunk.tokens,
  language: languageOf(chunk.text),
  terms,
})
