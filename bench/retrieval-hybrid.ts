/**
 * Default search against its two halves with a real embedding model, through the whole of the search service.
 *
 *   node bench/run.mjs retrieval-hybrid --model FOLDER [--korquad KorQuAD_v1.0_dev.json] [--wikitext test.txt] [--limit 300]
 *
 * KorQuAD: the first question of each paragraph finds it. WikiText: the headings above a paragraph, 'article section', find
 * the paragraphs of that section; every paragraph of 200 letters and more is a document.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Engine } from '../src/main/engine'
import { languageOf } from '../src/main/rag/documents/language'
import { figuresOf, type Ranked } from '../src/main/rag/evaluate/metrics'
import { SearchService } from '../src/main/rag/search/search-service'
import { analysers } from '../src/main/rag/search/terms'
import { openStore } from '../src/main/store'
import { searchInput } from '../src/shared/contract/knowledge'
import { MoruError } from '../src/shared/errors'

interface Corpus {
  documents: string[]
  queries: { text: string; relevant: string[] }[]
}

const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    korquad: { type: 'string' },
    wikitext: { type: 'string' },
    limit: { type: 'string', default: '300' },
  },
})
const limit = Number(options.limit)
if (!options.model) throw new Error('Name the embedding model: --model FOLDER')

function korquad(path: string): Corpus {
  const { data } = JSON.parse(readFileSync(path, 'utf8')) as {
    data: { paragraphs: { context: string; qas: { question: string }[] }[] }[]
  }
  const paragraphs = data.flatMap((article) => article.paragraphs).slice(0, limit)
  const queries = paragraphs.flatMap(({ qas }, i) => (qas[0] ? [{ text: qas[0].question, relevant: [String(i)] }] : []))
  return { documents: paragraphs.map((p) => p.context), queries }
}

function wikitext(path: string): Corpus {
  const documents: string[] = []
  const sections = new Map<string, string[]>()
  let headings: string[] = []
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const heading = /^ ((?:= )+)([^=]+?)(?: =)+ $/.exec(line)
    if (heading) headings = [...headings.slice(0, heading[1].length / 2 - 1), heading[2]]
    else if (line.length >= 200 && documents.length < limit) {
      const query = [...new Set([headings[0], headings.at(-1)])].join(' ')
      sections.set(query, [...(sections.get(query) ?? []), String(documents.length)])
      documents.push(line.trim())
    }
  }
  return { documents, queries: [...sections].map(([text, relevant]) => ({ text, relevant })) }
}

const engine = new Engine()
const embedder = await engine.loadEmbedder(options.model)
const held = { id: 'bench', name: 'bench', key: 'bench', embedder, release: () => undefined }
const embeddings = { defaultEmbedderId: () => 'bench', ensureEmbedder: async () => held }
const { signal } = new AbortController()

async function measure(name: string, { documents, queries }: Corpus): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'moru-bench-'))
  const store = openStore(folder)
  const search = new SearchService(store, embeddings, folder)
  try {
    const { id } = store.collections.create('bench', {}, analysers.words)
    const { seq } = store.collections.searchState(id)
    const model = store.vectors.register({ key: 'bench', type: 'f32', dim: embedder.dim }, 'bench')
    store.vectors.prepareModel(seq, model.seq)
    store.vectors.activateModel(seq)
    const started = performance.now()
    const vectors = await embedder.embed(documents, { kind: 'passage' })
    console.log(`${name}: ${(documents.length / ((performance.now() - started) / 1000)).toFixed(1)} passages a second`)
    const terms = await search.termsOf(id, documents, signal)
    store.transaction(() =>
      documents.forEach((text, i) => {
        const file = {
          path: String(i),
          title: '',
          type: 'text',
          sizeBytes: text.length,
          changedAt: 0,
          contentHash: null,
        }
        const place = { start: 0, end: text.length, page: null, headings: [] }
        const own = { terms: terms[i], vectors: [{ model: model.seq, values: vectors[i] }] }
        const language = languageOf(text)
        store.documents.save(id, file, { language, text, chunks: [{ ...place, text, tokens: 1, language, ...own }] })
      }),
    )
    await search.maintain(id, signal)
    for (const { language, passages, hitAt1, denseWeight } of store.collections.get(id).separation)
      console.log(
        `  ${language}: ${passages} passages, separation hit@1 ${hitAt1.toFixed(3)}, weight ${denseWeight.toFixed(2)}`,
      )
    const weights = [null, 0.25, 0.5, 1]
    for (const [mode, denseWeight] of [
      ['bm25', null],
      ['dense', null],
      ...weights.map((w) => ['hybrid', w] as const),
    ] as const) {
      store.collections.update(id, { settings: { denseWeight } })
      const ranked: Ranked[] = []
      for (const { text, relevant } of queries) {
        const { hits } = await search.run(searchInput.parse({ collectionIds: [id], query: text, k: 100, mode }), signal)
        ranked.push({ ranking: hits.map((hit) => hit.path), grades: new Map(relevant.map((path) => [path, 1])) })
      }
      const { hitAt1, hitAt10, ndcgAt10 } = figuresOf(ranked)
      const label = mode === 'hybrid' ? `hybrid, weight ${denseWeight ?? 'as measured'}` : mode
      console.log(
        `  ${label.padEnd(28)} hit@1 ${hitAt1.toFixed(4)} hit@10 ${hitAt10.toFixed(4)} nDCG@10 ${ndcgAt10.toFixed(4)}`,
      )
    }
  } finally {
    search.close()
    store.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

if (options.wikitext) await measure('WikiText, headings', wikitext(options.wikitext))
if (options.korquad) await measure('KorQuAD', korquad(options.korquad))
await embedder.close(new MoruError('cancelled', 'The benchmark is over.'))
