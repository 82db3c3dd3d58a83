/** Search over collections: the rankings, their fusion, reranking and diversity; the map; and what keeps it all in order. */
import { join } from 'node:path'
import { type OutputOf } from '../../../shared/contract'
import { type Hit, type SearchInput, type searchMap, type searchRun } from '../../../shared/contract/knowledge'
import { throwIfCancelled, toMoruError } from '../../../shared/errors'
import { floatsOf, type NewChunk, profileFiles, type SearchState, type Store } from '../../store'
import { languageOf } from '../documents/language'
import { type CallRecorder, currentSpan, modelAttributes, step, untraced } from '../../trace'
import { type EmbeddingSource } from '../embedding'
import { pause } from '../pause'
import { type Search, type SearchOptions } from '../search-port'
import { countedTerms } from './analyse'
import { DenseSearch } from './dense-search'
import { diversify } from './fusion'
import { type Found, hitOf, noteHits } from './hits'
import { MorphemeAnalyser } from './morphemes'
import { projectToPlane } from './projection'
import { QueryEmbedder } from './query-embedder'
import { type Candidates, denseWeightOf, SearchRun } from './search-run'
import { measureSeparation } from './separation'
import { analyserFor, termsOf } from './terms'
import { type SearchedCollection, TextSearch } from './text-search'

/** Rankings are fused to this depth at least: what only one of them has deep down can still come up. */
const leastDepth = 100
/** Candidates that diversity chooses from, for each hit asked for. */
const candidatesPerHit = 5
/** Chunks that are analysed or read at a time. */
const portion = 64
/** Separation is measured again when so large a part of the passages is new. */
const grownBy = 1.5

type Outcome = OutputOf<typeof searchRun>

export class SearchService implements Search {
  readonly #store: Store
  readonly #embeddings: EmbeddingSource
  readonly #tracer: CallRecorder
  readonly #morphemes = new MorphemeAnalyser()
  readonly #text: TextSearch
  readonly #dense: DenseSearch
  readonly #queries: QueryEmbedder

  /** @param folder the profile's folder. */
  constructor(store: Store, embeddings: EmbeddingSource, folder: string, tracer: CallRecorder = untraced) {
    this.#tracer = tracer
    this.#store = store
    this.#embeddings = embeddings
    this.#text = new TextSearch(store, this.#morphemes)
    this.#dense = new DenseSearch(store, join(folder, profileFiles.vectorGraphs))
    this.#queries = new QueryEmbedder(embeddings)
  }

  /**
   * @throws not_found for a collection that is not there; what loading and running the embedding model or cross-encoder
   *   throws, where the mode cannot do without: hybrid search goes on with words alone and says so in its notes.
   */
  run(input: SearchInput, signal: AbortSignal, { highlights = true }: SearchOptions = {}): Promise<Outcome> {
    const { query, k, mode, rerank, mmrLambda, denseWeight, neighbours, filter, collectionIds, replayOf } = input
    const attributes = {
      'gen_ai.data_source.id': collectionIds.join(','),
      'gen_ai.request.top_k': k,
      'moru.search.mode': mode,
      'moru.search.query': query,
      ...(rerank > 0 && { 'moru.rerank': rerank }),
      ...(mmrLambda !== null && { 'moru.search.mmr_lambda': mmrLambda }),
      ...(denseWeight !== null && { 'moru.search.dense_weight': denseWeight }),
      ...(neighbours > 0 && { 'moru.search.neighbours': neighbours }),
      ...(Object.keys(filter).length > 0 && { 'moru.search.filter': filter }),
      ...(replayOf !== undefined && { 'moru.replay_of': replayOf }),
    }
    return this.#tracer.run('search', { attributes, input: () => [{ role: 'user', content: query }] }, async (span) => {
      const outcome = await this.#search(input, highlights, signal)
      if (span) noteHits(span, outcome)
      return outcome
    })
  }

  async #search(input: SearchInput, highlights: boolean, signal: AbortSignal): Promise<Outcome> {
    const run = this.#begin(input)
    const depth = Math.max(leastDepth, input.k, input.rerank, input.mmrLambda === null ? 0 : input.k * candidatesPerHit)
    if (input.mode !== 'dense') await step('bm25', {}, () => this.#searchText(run, depth, signal))
    if (input.mode !== 'bm25' && run.needsDense()) await step('dense', {}, () => this.#searchDense(run, depth, signal))
    throwIfCancelled(signal)
    const started = performance.now()
    const candidates = run.fuse()
    run.timings.fuseMs = performance.now() - started
    const found = await this.#choose(run, candidates, signal)
    const terms = highlights ? (run.tellingTerms ?? new Set(termsOf(input.query))) : null
    const hits: Hit[] = found.map((one) => hitOf(this.#store, one, input.neighbours, terms))
    return { hits, timings: { ...run.timings, totalMs: performance.now() - run.start }, notes: [...run.notes] }
  }

  /** The first `limit` vectors of a collection, evenly taken, on a plane. */
  async map(collectionId: string, limit: number, signal: AbortSignal): Promise<OutputOf<typeof searchMap>> {
    const { seq, model } = this.#store.collections.searchState(collectionId)
    if (!model) return { points: [] }
    const seqs = this.#store.vectors.seqs(seq, model.seq)
    const step = Math.max(1, seqs.length / limit)
    const rows: { chunkSeq: number; documentSeq: number }[] = []
    const vectors: Float32Array[] = []
    for (let at = 0; at < seqs.length && rows.length < limit; at += step) {
      const row = this.#store.vectors.find(seqs[Math.floor(at)])
      if (!row) continue
      rows.push(row)
      vectors.push(floatsOf(row, model))
      if (rows.length % portion === 0) await pause(signal)
    }
    const points = await projectToPlane(vectors)
    throwIfCancelled(signal)
    const documents = new Map<number, string>()
    return {
      points: rows.flatMap(({ chunkSeq, documentSeq }, i) => {
        const documentId = documents.get(documentSeq) ?? this.#store.chunks.find(chunkSeq)?.documentId
        if (documentId === undefined) return []
        documents.set(documentSeq, documentId)
        return [{ chunkId: String(chunkSeq), documentId, ...points[i] }]
      }),
    }
  }

  async termsOf(collectionId: string, texts: readonly string[], signal: AbortSignal): Promise<NewChunk['terms'][]> {
    const { analyser, nextAnalyser } = this.#store.collections.searchState(collectionId)
    const all: NewChunk['terms'][] = texts.map(() => ({}))
    for (const name of nextAnalyser ? [analyser, nextAnalyser] : [analyser]) {
      const counts = await countedTerms(texts, name, this.#morphemes, signal)
      counts.forEach((one, i) => (all[i][name] = one))
    }
    return all
  }

  async maintain(collectionId: string, signal: AbortSignal): Promise<void> {
    await this.#bringAnalyser(collectionId, signal)
    const state = this.#store.collections.searchState(collectionId)
    if (!state.model) return
    const { model } = state
    if (this.#needsSeparation(state)) {
      const index = await this.#dense.open(state, model)
      const measured = {
        embed: (texts: string[]) => this.#queries.embed(state, texts, signal),
        countTokens: (texts: readonly string[]) => this.#queries.countTokens(state, texts, signal),
      }
      const rows = await measureSeparation(this.#store, state, index, measured, signal)
      this.#store.vectors.saveSeparation(state.seq, model.seq, rows)
    }
    await this.#dense.graphs.maintain(state, model, () => this.#dense.open(state, model), signal)
  }

  /** Ends its threads and its child process. */
  close(): void {
    this.#morphemes.close()
    this.#dense.close()
  }

  #begin(input: SearchInput): SearchRun {
    const language = languageOf(input.query)
    const weights = new Map<number, number>()
    const notes: string[] = []
    const collections = [...new Set(input.collectionIds)].map((id): SearchedCollection => {
      const state = this.#store.collections.searchState(id)
      const separation = state.model ? this.#store.vectors.separation(state.seq, state.model.seq) : []
      weights.set(state.seq, input.denseWeight ?? denseWeightOf(state, separation, language))
      const warning = separation.find((row) => row.language === language)?.warning
      if (warning && input.mode !== 'bm25') notes.push(warning)
      return { state, documents: this.#store.chunks.passingDocuments(state.seq, input.filter) }
    })
    const run = new SearchRun(input, collections, weights)
    for (const note of notes) run.notes.add(note)
    return run
  }

  async #searchText(run: SearchRun, depth: number, signal: AbortSignal): Promise<void> {
    const started = performance.now()
    run.addText(await this.#text.search(run.collections, run.input.query, depth, signal))
    run.timings.bm25Ms = performance.now() - started
  }

  async #searchDense(run: SearchRun, depth: number, signal: AbortSignal): Promise<void> {
    const started = performance.now()
    const queries = new Map<number, Float32Array>()
    for (const { state } of run.collections) {
      if (!state.model) run.notes.add('A collection has no vectors yet: it is searched by words alone.')
      else if (!queries.has(state.model.seq))
        try {
          const model = state.model.libraryId
          const embed = () => this.#queries.embed(state, [run.input.query], signal)
          queries.set(state.model.seq, (await step('embed', modelAttributes(model), embed))[0])
        } catch (thrown) {
          const error = toMoruError(thrown)
          if (run.input.mode === 'dense' || error.code === 'cancelled') throw error
          run.notes.add(`Searched by words alone: ${error.message}`)
        }
    }
    run.timings.embedMs = performance.now() - started
    const searched = performance.now()
    run.addDense(await this.#dense.search(run.collections, queries, depth))
    run.timings.denseMs = performance.now() - searched
  }

  /** The hits: reranked, spread out, cut to k. */
  async #choose(run: SearchRun, candidates: Candidates, signal: AbortSignal): Promise<Found[]> {
    const { k, rerank, mmrLambda } = run.input
    const wanted = Math.max(rerank, mmrLambda === null ? k : k * candidatesPerHit)
    const found: Found[] = []
    for (const [seq, rest] of candidates) {
      if (found.length >= wanted) break
      // It may have gone with its document since the rankings were made.
      const chunk = this.#store.chunks.find(seq)
      if (chunk) found.push({ chunk, ...rest })
    }
    const started = performance.now()
    const reranked =
      rerank > 0 ? await step('rerank', { 'moru.rerank': rerank }, () => this.#rerank(run, found, signal)) : found
    run.timings.rerankMs = performance.now() - started
    if (mmrLambda === null) return reranked.slice(0, k)
    const vectors = reranked.map(({ chunk }) => this.#vectorOf(run, chunk.seq))
    const relevance = reranked.map(({ score }) => score)
    return diversify(relevance, vectors, mmrLambda, k).map((i) => reranked[i])
  }

  #vectorOf({ collections }: SearchRun, chunkSeq: number): Float32Array | null {
    for (const { state } of collections) {
      const row = state.model && this.#store.vectors.ofChunk(chunkSeq, state.model.seq)
      if (row && state.model) return floatsOf(row, state.model)
    }
    return null
  }

  async #rerank(run: SearchRun, found: Found[], signal: AbortSignal): Promise<Found[]> {
    const model = run.collections.map(({ state }) => state.settings.rerankModel).find((id) => id !== null)
    if (!model) {
      run.notes.add('No cross-encoder is set for the collection: the hits are not reranked.')
      return found
    }
    currentSpan()?.set(modelAttributes(model))
    const held = await this.#embeddings.ensureEmbedder(model, signal)
    try {
      const head = found.slice(0, run.input.rerank)
      const texts = head.map(({ chunk }) => chunk.text)
      const scores = await held.embedder.rank(run.input.query, texts, { signal })
      const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a])
      const ranked = order.map((i, at) => ({
        ...head[i],
        score: scores[i],
        ranks: { ...head[i].ranks, rerank: at + 1 },
        scores: { ...head[i].scores, rerank: scores[i] },
      }))
      // A logit does not compare with what the rest has: the rest stays below.
      const floor = Math.min(0, ...scores)
      return [...ranked, ...found.slice(head.length).map((one, i) => ({ ...one, score: floor - 1 - i }))]
    } finally {
      held.release()
    }
  }

  /** Terms of the analyser that the settings ask for, made beside the present ones. */
  async #bringAnalyser(collectionId: string, signal: AbortSignal): Promise<void> {
    const { seq, settings, analyser, nextAnalyser } = this.#store.collections.searchState(collectionId)
    const wanted = analyserFor(settings)
    if (wanted === analyser) {
      if (nextAnalyser !== null) this.#store.terms.prepareAnalyser(seq, null)
      return
    }
    this.#store.terms.prepareAnalyser(seq, wanted)
    for (;;) {
      const chunks = this.#store.terms.lacking(seq, wanted, 0, portion)
      if (chunks.length === 0) break
      const texts = chunks.map((chunk) => chunk.text)
      const counts = await countedTerms(texts, wanted, this.#morphemes, signal)
      await pause(signal)
      this.#store.transaction(() =>
        chunks.forEach((chunk, i) => {
          if (this.#store.chunks.find(chunk.seq)) this.#store.terms.save(seq, chunk.seq, wanted, counts[i])
        }),
      )
    }
    this.#store.terms.activateAnalyser(seq)
  }

  #needsSeparation({ seq, model }: SearchState): boolean {
    if (!model || this.#store.vectors.count(seq, model.seq) === 0) return false
    const measured = this.#store.vectors.separation(seq, model.seq)
    return (['ko', 'en', 'other'] as const).some((language) => {
      const now = this.#store.chunks.ofLanguage(seq, language).length
      const before = measured.find((row) => row.language === language)?.passages ?? 0
      return now > before * grownBy || now * grownBy < before
    })
  }
}
