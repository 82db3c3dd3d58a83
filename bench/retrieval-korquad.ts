/**
 * BM25 on KorQuAD 1.0: every paragraph is a document, the first question of each is a query.
 *
 *   node bench/run.mjs retrieval-korquad --korquad KorQuAD_v1.0_dev.json [--reference bm25.json] [--morphemes]
 *
 * With the reference (scores of bm25s, method lucene) it exits with 1 where a score is off by more than 1e-4. The file's
 * licence forbids changed copies: it is named, and stays where it is.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { analyseTexts } from '../src/main/rag/search/analyse'
import { MorphemeAnalyser } from '../src/main/rag/search/morphemes'
import { analysers, plainTerms } from '../src/main/rag/search/terms'
import { TextIndex } from '../src/main/rag/search/text-index'
import { countTerms } from '../src/main/rag/search/terms'
import { encodePostings } from '../src/main/store/postings'

interface Paragraph {
  context: string
  qas: { question: string }[]
}
interface Reference {
  hit_at_1: number
  hit_at_5: number
  hit_at_10: number
  rows: { question: string; top: { paragraph: number; score: number }[] }[]
}

const { values: options } = parseArgs({
  options: { korquad: { type: 'string' }, reference: { type: 'string' }, morphemes: { type: 'boolean' } },
})
if (!options.korquad) throw new Error('Name the file: --korquad KorQuAD_v1.0_dev.json')
const { data } = JSON.parse(readFileSync(options.korquad, 'utf8')) as { data: { paragraphs: Paragraph[] }[] }
const paragraphs = data.flatMap((article) => article.paragraphs)
const asked = paragraphs.flatMap((p, gold) => (p.qas.length > 0 ? [{ question: p.qas[0].question, gold }] : []))

/** An index of term lists, and how queries ask it. */
class Corpus {
  readonly #ids = new Map<string, number>()
  readonly #index = new TextIndex()

  constructor(documents: readonly string[][]) {
    this.#index.add(
      documents.map((terms, i) => ({
        seq: i + 1,
        chunkSeq: i,
        documentSeq: i,
        language: 'ko' as const,
        length: terms.length,
        postings: encodePostings(
          [...countTerms(terms)].map(([term, n]) => [this.#idOf(term), n] as const).sort((a, b) => a[0] - b[0]),
        ),
      })),
    )
  }

  search(terms: readonly string[], limit: number) {
    const ids = terms.map((term) => this.#ids.get(term) ?? null)
    return this.#index.search(ids, this.#index.statistics(ids), limit, null)
  }

  #idOf(term: string): number {
    const id = this.#ids.get(term) ?? this.#ids.size + 1
    this.#ids.set(term, id)
    return id
  }
}

function report(name: string, corpus: Corpus, queries: readonly string[][]): number[] {
  const started = performance.now()
  const ranks = queries.map((terms, i) => corpus.search(terms, 10).findIndex((m) => m.chunkSeq === asked[i].gold) + 1)
  const queryMs = (performance.now() - started) / queries.length
  const hitAt = (k: number) => ranks.filter((rank) => rank >= 1 && rank <= k).length / ranks.length
  const figures = [1, 5, 10].map(hitAt)
  console.log(
    `${name.padEnd(30)} hit@1/5/10 ${figures.map((f) => f.toFixed(4)).join(' ')}  ${queryMs.toFixed(2)} ms a query`,
  )
  return figures
}

const reference = options.reference ? (JSON.parse(readFileSync(options.reference, 'utf8')) as Reference) : null
const plain = new Corpus(paragraphs.map((p) => plainTerms(p.context)))
const figures = report(
  'reference tokenisation',
  plain,
  asked.map((q) => plainTerms(q.question)),
)
if (reference) {
  let worst = 0
  for (const { question, top } of reference.rows) {
    const scores = new Map(plain.search(plainTerms(question), paragraphs.length).map((m) => [m.chunkSeq, m.score]))
    for (const { paragraph, score } of top) worst = Math.max(worst, Math.abs((scores.get(paragraph) ?? 0) / score - 1))
  }
  const expected = [reference.hit_at_1, reference.hit_at_5, reference.hit_at_10]
  const equal = figures.every((figure, i) => Math.abs(figure - expected[i]) < 1e-9)
  console.log(`largest relative difference of a score ${worst.toExponential(1)}; hits ${equal ? 'equal' : 'differ'}`)
  if (worst > 1e-4 || !equal) process.exitCode = 1
}

const morphemes = new MorphemeAnalyser()
for (const analyser of options.morphemes ? [analysers.words, analysers.morphemes] : [analysers.words]) {
  const started = performance.now()
  const documents = await analyseTexts(
    paragraphs.map((p) => p.context),
    analyser,
    morphemes,
  )
  const perSecond = (1000 * paragraphs.length) / (performance.now() - started)
  const queries = await analyseTexts(
    asked.map((q) => q.question),
    analyser,
    morphemes,
  )
  report(analyser, new Corpus(documents), queries)
  console.log(`  ${perSecond.toFixed(0)} paragraphs a second analysed`)
}
morphemes.close()
