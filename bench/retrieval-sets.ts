/**
 * Default search beside its two halves on BEIR folders (bench/beir-sets.ts writes some).
 *
 *   node bench/run.mjs retrieval-sets --sets DIR --profile DIR [--model FOLDER] [--morphemes] [--only NAME,...] [--rankings FILE]
 *
 * The profile keeps what was embedded: a second run is quick. `--rankings` writes both halves' rankings as JSON, to try ways
 * of fusing them without searching again.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Engine } from '../src/main/engine'
import { DocumentParser } from '../src/main/rag/documents'
import { beirFiles, queriesOf } from '../src/main/rag/evaluate/beir'
import { beirCollection } from '../src/main/rag/evaluate/beir-collection'
import { figuresOf, type Ranked } from '../src/main/rag/evaluate/metrics'
import { SearchService } from '../src/main/rag/search/search-service'
import { untraced } from '../src/main/trace'
import { openStore } from '../src/main/store'
import { evaluateRetrieval, searchInput } from '../src/shared/contract/knowledge'

const { values: options } = parseArgs({
  options: {
    sets: { type: 'string' },
    profile: { type: 'string' },
    model: { type: 'string', default: 'resources/models/all-minilm-l6-v2' },
    morphemes: { type: 'boolean', default: false },
    only: { type: 'string' },
    rankings: { type: 'string' },
  },
})
const { sets, profile } = options
if (!sets || !profile) throw new Error('Name the folder of sets and a profile: --sets DIR --profile DIR')
mkdirSync(profile, { recursive: true })

const engine = new Engine()
const embedder = await engine.loadEmbedder(options.model)
const held = { id: 'bench', name: 'bench', key: options.model, embedder, release: () => undefined }
const embeddings = { defaultEmbedderId: () => 'bench', ensureEmbedder: async () => held }
const store = openStore(profile)
const search = new SearchService(store, embeddings, profile)
const services = { tracer: untraced, store, parser: new DocumentParser(), embeddings, search }
const { signal } = new AbortController()
/** Documents of each ranking that are kept for fusing. */
const depth = 1000
const modes = ['bm25', 'dense', 'hybrid'] as const
const dumped: unknown[] = []

const found = readdirSync(sets, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name) // prettier-ignore
for (const name of found.filter((one) => !options.only || options.only.split(',').includes(one))) {
  const files = await beirFiles(join(sets, name)).catch(() => null)
  if (!files) continue
  const input = evaluateRetrieval.input.parse({
    source: { kind: 'beir', path: join(sets, name) },
    modes: modes.map((mode) => ({ mode, rerank: false })),
    koreanMorphemes: options.morphemes,
  })
  const id = await beirCollection(services, files.corpus, input, () => undefined, signal)
  const queries = await queriesOf(files, signal)
  const rankings: { mode: string; query: number; hits: [path: string, score: number | null][] }[] = []
  const rows: string[] = []
  for (const mode of modes) {
    const ranked: Ranked[] = []
    for (const [i, { query, grades }] of queries.entries()) {
      const k = options.rankings ? depth : 100
      const { hits } = await search.run(searchInput.parse({ collectionIds: [id], query, k, mode }), signal)
      ranked.push({ ranking: [...new Set(hits.map((hit) => hit.path))], grades })
      if (options.rankings && mode !== 'hybrid')
        rankings.push({ mode, query: i, hits: hits.map((hit) => [hit.path, hit.scores[mode]]) })
    }
    const { ndcgAt10, hitAt1, hitAt10 } = figuresOf(ranked)
    rows.push(`${mode} ${[ndcgAt10, hitAt1, hitAt10].map((value) => value.toFixed(4)).join(' ')}`)
  }
  const { separation } = store.collections.get(id)
  console.log(
    `${name.padEnd(18)} nDCG@10, hit@1, hit@10: ${rows.join(' | ')} | ` +
      separation
        .map((s) => `${s.language} ${s.passages} ${s.hitAt1.toFixed(3)} w ${s.denseWeight.toFixed(2)}`)
        .join(', '),
  )
  dumped.push({ name, separation, rankings, queries: queries.map(({ query, grades }) => ({ query, relevant: [...grades] })) }) // prettier-ignore
}
if (options.rankings) writeFileSync(options.rankings, JSON.stringify(dumped))
search.close()
store.close()
await engine.close()
