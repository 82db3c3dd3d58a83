/** What indexing and asking need of search. */
import { type OutputOf } from '../../shared/contract'
import { type SearchInput, type searchMap, type searchRun } from '../../shared/contract/knowledge'
import { type NewChunk } from '../store'

export interface SearchOptions {
  /** Whether hits say where the query's words stand in them: reading for that costs more than ranking, and is for hits that are seen. */
  highlights?: boolean
}

export interface Search {
  run(input: SearchInput, signal: AbortSignal, options?: SearchOptions): Promise<OutputOf<typeof searchRun>>
  map(collectionId: string, limit: number, signal: AbortSignal): Promise<OutputOf<typeof searchMap>>
  /** Occurrences of each term in each text, by every analyser that the collection is searched or being prepared with. */
  termsOf(collectionId: string, texts: readonly string[], signal: AbortSignal): Promise<NewChunk['terms'][]>
  /** After a change: terms of a new analyser, how well the model separates the passages, the graph where it pays. */
  maintain(collectionId: string, signal: AbortSignal): Promise<void>
}
