/**
 * What indexing costs the database, and how fast it opens: short documents of one chunk with terms and a vector each.
 *
 *   node bench/run.mjs store-documents [--count 10000] [--dim 384]
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { countTerms } from '../src/main/rag/search/terms'
import { openStore, profileFiles } from '../src/main/store'
import { seededRandom } from '../src/shared/seeded-random'

const { values: options } = parseArgs({
  options: { count: { type: 'string', default: '10000' }, dim: { type: 'string', default: '384' } },
})
const count = Number(options.count)
const dim = Number(options.dim)
const words = 120
const random = seededRandom(1)
const folder = mkdtempSync(join(tmpdir(), 'moru-bench-'))
try {
  let store = openStore(folder)
  const { id } = store.collections.create('bench', {}, 'words')
  const { seq } = store.collections.searchState(id)
  const model = store.vectors.register({ key: 'bench', type: 'f32', dim }, 'bench')
  store.vectors.prepareModel(seq, model.seq)
  store.vectors.activateModel(seq)
  const started = performance.now()
  for (let first = 0; first < count; first += 50)
    store.transaction(() => {
      for (let i = first; i < Math.min(count, first + 50); i++) {
        // Words as rare and frequent as in texts: rank to the power of -1, roughly.
        const terms = Array.from({ length: words }, () => `w${Math.floor(50_000 ** random())}`)
        const text = terms.join(' ')
        const place = { start: 0, end: text.length, page: null, headings: [] }
        const values = Float32Array.from({ length: dim }, () => random() - 0.5)
        const own = { terms: { words: countTerms(terms) }, vectors: [{ model: model.seq, values }] }
        const file = { path: `/${i}`, title: '', type: 'text', sizeBytes: text.length, changedAt: 0, contentHash: null }
        const chunk = { ...place, text, tokens: words, language: 'en' as const, ...own }
        store.documents.save(id, file, { language: 'en', text, chunks: [chunk] })
      }
    })
  const seconds = (performance.now() - started) / 1000
  const { size } = statSync(join(folder, profileFiles.database))
  console.log(
    `${count} documents of ${words} words: ${(count / seconds).toFixed(0)} a second, ${(size / 1e6).toFixed(0)} MB`,
  )
  store.close()

  let at = performance.now()
  store = openStore(folder)
  console.log(`open ${(performance.now() - at).toFixed(0)} ms`)
  at = performance.now()
  store.collections.list()
  console.log(`list of collections ${(performance.now() - at).toFixed(0)} ms`)
  at = performance.now()
  store.documents.list(id, '', 0, 200)
  console.log(`first 200 documents ${(performance.now() - at).toFixed(0)} ms`)
  at = performance.now()
  store.documents.remove(store.documents.list(id, '', 0, 1).documents[0].id)
  console.log(`remove a document ${(performance.now() - at).toFixed(1)} ms`)
  at = performance.now()
  store.collections.remove(id)
  console.log(`remove the collection ${((performance.now() - at) / 1000).toFixed(1)} s`)
  store.close()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
