import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DocumentFile, type NewContent, readPostings, type Store } from '../../../src/main/store'
import { encodePostings } from '../../../src/main/store/postings'
import { temporaryFolder, temporaryStore } from './temporary-profile'

const file = (path: string): DocumentFile => ({
  path,
  title: path.slice(1),
  type: 'text',
  sizeBytes: 100,
  changedAt: 1000.5,
  contentHash: 'ab',
})

/** A document of one chunk a sentence, its words the terms. */
function contentOf(text: string, vectors: NewContent['chunks'][number]['vectors'] = []): NewContent {
  const sentences = text.split(/(?<=\.) /)
  return {
    language: 'en',
    text,
    chunks: sentences.map((sentence, i) => {
      const start = sentences.slice(0, i).join(' ').length + (i > 0 ? 1 : 0)
      const terms = new Map<string, number>()
      for (const word of sentence.split(/\W+/).filter(Boolean)) terms.set(word, (terms.get(word) ?? 0) + 1)
      return {
        start,
        end: start + sentence.length,
        page: null,
        headings: ['머리말'],
        text: sentence,
        tokens: 3,
        language: 'en',
        terms: { words: terms },
        vectors,
      }
    }),
  }
}

/** Rows of every table that belongs to collections. */
function rowsIn(folder: string): Record<string, number> {
  const db = new Sqlite(join(folder, 'moru.db'), { readonly: true })
  const tables = ['collection', 'document', 'document_text', 'chunk', 'chunk_terms', 'vector', 'separation', 'term']
  const counts = tables.map((t) => [t, db.prepare(`SELECT count(*) FROM ${t}`).pluck().get() as number] as const)
  db.close()
  return Object.fromEntries(counts)
}

function withCollection(folder = temporaryFolder()): { store: Store; id: string; seq: number } {
  const store = temporaryStore(folder)
  const { id } = store.collections.create('문서', {}, 'words')
  return { store, id, seq: store.collections.searchState(id).seq }
}

describe('collections', () => {
  it('have names of their own, settings that merge, and counts', () => {
    const { store, id } = withCollection()
    expect(store.collections.get(id)).toMatchObject({ name: '문서', documents: 0, version: 0, dim: null, roots: [] })
    expect(() => store.collections.create('문서'.normalize('NFD'), {}, 'words')).toThrow(/"문서" already/)
    const other = store.collections.create('a', { denseWeight: 0.5 }, 'words')
    expect(() => store.collections.update(other.id, { name: '문서' })).toThrow(/already/)
    const changed = store.collections.update(other.id, { settings: { koreanMorphemes: true }, roots: ['/x'] })
    expect(changed).toMatchObject({ settings: { denseWeight: 0.5, koreanMorphemes: true }, roots: ['/x'] })
    expect(store.collections.list().map((c) => c.name)).toEqual(['a', '문서'])
    store.documents.save(id, file('/a'), contentOf('One two. Three.'))
    expect(store.collections.get(id)).toMatchObject({ documents: 1, chunks: 2, sizeBytes: 100, version: 1 })
    expect(() => store.collections.get('x')).toThrow(expect.objectContaining({ code: 'not_found' }))
    expect(() => store.collections.remove('x')).toThrow(/no collection/)
  })

  it('go with all their rows', () => {
    const folder = temporaryFolder()
    const { store, id, seq } = withCollection(folder)
    const model = store.vectors.register({ key: 'm', type: 'f32', dim: 2 })
    const vectors = [{ model: model.seq, values: Float32Array.of(1, 0) }]
    store.documents.save(id, file('/a'), contentOf('One two. Three.', vectors))
    store.vectors.saveSeparation(seq, model.seq, [
      { language: 'en', passages: 2, hitAt1: 1, denseWeight: 1, warning: null },
    ])
    expect(rowsIn(folder)).toMatchObject({ chunk: 2, vector: 2, separation: 1, term: 3 })
    store.collections.remove(id)
    expect(Object.values(rowsIn(folder))).toEqual(Object.values(rowsIn(folder)).map(() => 0))
  })

  it('answer with the old model until the new one is activated', () => {
    const { store, id, seq } = withCollection()
    const first = store.vectors.register({ key: 'm', type: 'f32', dim: 2 })
    store.vectors.prepareModel(seq, first.seq)
    store.vectors.activateModel(seq)
    store.documents.save(id, file('/a'), contentOf('One.', [{ model: first.seq, values: Float32Array.of(1, 0) }]))
    const second = store.vectors.register({ key: 'n', type: 'int8', dim: 3 })
    store.vectors.prepareModel(seq, second.seq)
    expect(store.collections.get(id)).toMatchObject({ dim: 2, pendingChunks: 1 })
    const [chunk] = store.chunks.lackingVector(seq, second.seq, 0, 10)
    store.vectors.save(seq, chunk.seq, second.seq, Float32Array.of(0.5, -1, 0))
    expect(store.collections.searchState(id)).toMatchObject({ model: first, nextModel: second })
    const before = store.collections.get(id).version
    store.vectors.activateModel(seq)
    expect(store.collections.get(id)).toMatchObject({ dim: 3, pendingChunks: 0, version: before + 1 })
    expect(store.vectors.count(seq, first.seq)).toBe(0)
    const [row] = store.vectors.page(seq, second.seq, 0, 10)
    expect([...new Int8Array(row.data)].map((v) => v * row.scale)).toEqual([
      expect.closeTo(0.5, 2),
      expect.closeTo(-1, 5),
      0,
    ])
    expect(() => store.vectors.save(seq, chunk.seq, second.seq, new Float32Array(2))).toThrow(/2 numbers.*"n" \(3\)/)
    expect(() => store.vectors.register({ key: 'n', type: 'int8', dim: 4 })).toThrow(/3 numbers before and gives 4/)
  })
})

describe('documents', () => {
  it('are replaced as a whole or not at all', () => {
    const folder = temporaryFolder()
    const { store, id } = withCollection(folder)
    const saved = store.documents.save(id, file('/a'), contentOf('One two. Three.'))
    const broken = contentOf('Four five. Six.')
    const half = { ...broken, chunks: [broken.chunks[0], { ...broken.chunks[1], tokens: -1 }] }
    expect(() => store.documents.save(id, file('/a'), half)).toThrow(/CHECK/)
    expect(store.documents.content(saved.id)).toMatchObject({ text: 'One two. Three.', chunks: [{}, {}] })
    expect(rowsIn(folder)).toMatchObject({ chunk: 2, term: 3 })

    const again = store.documents.save(id, file('/a'), broken)
    expect(again.id).toBe(saved.id)
    expect(store.documents.content(saved.id).chunks.map((c) => c.place)).toEqual([
      { start: 0, end: 10, page: null, headings: ['머리말'] },
      { start: 11, end: 15, page: null, headings: ['머리말'] },
    ])
    expect(rowsIn(folder)).toMatchObject({ document: 1, chunk: 2, chunk_terms: 2 })
    const state = store.collections.searchState(id)
    const words = store.terms.words(state.seq, 0, 100)
    expect(store.terms.words(state.seq, words[0], 2)).toEqual(words.slice(1, 3))
    store.terms.forget(words.slice(0, 3))
    expect(store.terms.find(state.seq, 'One')).toBeNull()
    expect(store.terms.find(state.seq, 'Four')).not.toBeNull()
  })

  it('keep their content while they wait, lose it when they fail, and go with all of it', () => {
    const folder = temporaryFolder()
    const { store, id } = withCollection(folder)
    const { id: document } = store.documents.save(id, file('/a'), contentOf('One two.'))
    store.documents.markPending(id, { ...file('/a'), contentHash: null })
    store.documents.markPending(id, file('/b'))
    expect(store.documents.known(id)).toMatchObject([
      { path: '/a', state: 'pending', contentHash: 'ab' },
      { path: '/b', state: 'pending', contentHash: null },
    ])
    expect(store.documents.get(document)).toMatchObject({ state: 'pending', chunks: 1 })
    const version = store.collections.get(id).version
    store.documents.saveFailure(id, file('/b'), 'no text')
    expect(store.collections.get(id).version).toBe(version)
    store.documents.saveFailure(id, file('/a'), 'broken')
    expect(store.documents.get(document)).toMatchObject({ state: 'failed', reason: 'broken', chunks: 0 })
    expect(store.collections.get(id).version).toBe(version + 1)
    store.documents.save(id, file('/a'), contentOf('One two.'))
    store.documents.remove(document)
    expect(rowsIn(folder)).toMatchObject({ document: 1, document_text: 0, chunk: 0, chunk_terms: 0 })
    expect(() => store.documents.remove(document)).toThrow(/no document/)
  })

  it('are listed by path, searched in path and title, page by page', () => {
    const { store, id } = withCollection()
    for (const path of ['/휴가 규정.md', '/100%.md', '/b.md', '/a_1.md'])
      store.documents.save(id, file(path), contentOf('X.'))
    expect(store.documents.list(id, '', 1, 2)).toMatchObject({ total: 4, documents: [{ path: '/a_1.md' }, {}] })
    expect(store.documents.list(id, '%', 0, 9).documents.map((d) => d.path)).toEqual(['/100%.md'])
    expect(store.documents.list(id, '휴가'.normalize('NFD'), 0, 9).total).toBe(1)
    expect(store.documents.findByPath(id, '/휴가 규정.md'.normalize('NFD'))?.title).toBe('휴가 규정.md')
  })

  it('pass filters of every kind', () => {
    const { store, id, seq } = withCollection()
    const a = store.documents.save(id, file('/x/a.md'), contentOf('X.'))
    store.documents.save(id, { ...file('/y/b.pdf'), type: 'pdf', changedAt: 2000 }, contentOf('X.'))
    const passing = (filter: Parameters<typeof store.chunks.passingDocuments>[1]) =>
      store.chunks.passingDocuments(seq, filter)?.size ?? null
    expect(passing({})).toBeNull()
    expect(passing({ documentIds: [a.id, 'none'] })).toBe(1)
    expect(passing({ documentIds: [] })).toBe(0)
    expect(passing({ types: ['pdf', 'text'] })).toBe(2)
    expect(passing({ pathContains: '/y/' })).toBe(1)
    expect(passing({ changedAfter: 1500 })).toBe(1)
    expect(passing({ changedAfter: 900, changedBefore: 1500, types: ['pdf'] })).toBe(0)
  })
})

describe('postings', () => {
  it('come back as they were, and end where the bytes end', () => {
    const list = fc.uniqueArray(
      fc.tuple(fc.integer({ min: 1, max: 2 ** 31 - 1 }), fc.integer({ min: 1, max: 70_000 })),
      {
        selector: ([term]) => term,
      },
    )
    fc.assert(
      fc.property(list, (pairs) => {
        const sorted = [...pairs].sort((a, b) => a[0] - b[0])
        const bytes = encodePostings(sorted)
        const read: [number, number][] = []
        readPostings(bytes, (term, frequency) => read.push([term, frequency]))
        expect(read).toEqual(sorted)
        const cut: unknown[] = []
        readPostings(bytes.subarray(0, -1), (term) => cut.push(term))
        expect(cut).toHaveLength(Math.max(0, sorted.length - 1))
      }),
    )
  })
})
