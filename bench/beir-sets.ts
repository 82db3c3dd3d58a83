/**
 * Writes BEIR folders made of texts that are at hand, each a kind of query with its own way to the document.
 *
 *   node bench/run.mjs beir-sets --out DIR [--korquad KorQuAD_v1.0_dev.json] [--wikitext test.txt]... [--man DIR]...
 *                      [--perldiag perldiag.pod] [--python DIR]... [--markdown DIR] [--limit 500]
 *
 * korquad           the first question of each paragraph; all paragraphs (also as files in korquad-files)
 * wiki-headings-N   'article section' finds the section's paragraphs
 * wiki-sentence-N   a sentence of a paragraph finds the paragraph, which lacks it
 * wiki-thin-N       the same, with every second word of the sentence dropped
 * man-N             the NAME line of a page finds its DESCRIPTION
 * perldiag          a message finds its explanation
 * python-N          the first line of a docstring finds the rest of it
 * markdown          a heading finds the section under it
 *
 * Choices are drawn by a seeded generator: the same texts give the same sets.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { seededRandom } from '../src/shared/seeded-random'

interface Pair {
  query: string
  text: string
}

const texts = { type: 'string', multiple: true } as const
const { values: options } = parseArgs({
  options: {
    out: { type: 'string' },
    korquad: { type: 'string' },
    wikitext: texts,
    man: texts,
    perldiag: { type: 'string' },
    python: texts,
    markdown: { type: 'string' },
    limit: { type: 'string', default: '500' },
  },
})
if (!options.out) throw new Error('Name the folder to write to: --out DIR')
const out = options.out
const limit = Number(options.limit)

function drawn<T>(all: readonly T[], most: number): T[] {
  const next = seededRandom(7)
  const rest = [...all]
  for (let i = rest.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1))
    ;[rest[i], rest[j]] = [rest[j], rest[i]]
  }
  return rest.slice(0, most)
}

function write(name: string, documents: readonly string[], queries: readonly { text: string; relevant: number[] }[]) {
  const folder = join(out, name)
  mkdirSync(join(folder, 'qrels'), { recursive: true })
  const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  writeFileSync(join(folder, 'corpus.jsonl'), lines(documents.map((text, i) => ({ _id: `d${i}`, title: '', text }))))
  writeFileSync(join(folder, 'queries.jsonl'), lines(queries.map(({ text }, i) => ({ _id: `q${i}`, text }))))
  const qrels = queries.flatMap(({ relevant }, i) => relevant.map((d) => `q${i}\td${d}\t1\n`))
  writeFileSync(join(folder, 'qrels', 'test.tsv'), `query-id\tcorpus-id\tscore\n${qrels.join('')}`)
  console.log(`${name}: ${documents.length} documents, ${queries.length} queries`)
}

function writePairs(name: string, pairs: readonly Pair[]): void {
  const kept = drawn(pairs, limit)
  write(name, kept.map(({ text }) => text), kept.map(({ query }, i) => ({ text: query, relevant: [i] }))) // prettier-ignore
}

function korquad(path: string): void {
  const { data } = JSON.parse(readFileSync(path, 'utf8')) as {
    data: { paragraphs: { context: string; qas: { question: string }[] }[] }[]
  }
  const paragraphs = data.flatMap((article) => article.paragraphs)
  const documents = paragraphs.map(({ context }) => context)
  write(
    'korquad',
    documents,
    paragraphs.flatMap(({ qas }, i) => (qas[0] ? [{ text: qas[0].question, relevant: [i] }] : [])),
  )
  mkdirSync(join(out, 'korquad-files'), { recursive: true })
  documents.forEach((text, i) => writeFileSync(join(out, 'korquad-files', `d${i}.txt`), text))
}

/** Paragraphs with the headings above them. WikiText is tokenised: blanks before points are taken out again. */
function wikiParagraphs(path: string): { headings: string[]; text: string }[] {
  const paragraphs: { headings: string[]; text: string }[] = []
  let headings: string[] = []
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const heading = /^ ((?:= )+)([^=]+?)(?: =)+ $/.exec(line)
    if (heading) headings = [...headings.slice(0, heading[1].length / 2 - 1), heading[2]]
    else if (line.length >= 200) paragraphs.push({ headings, text: line.trim().replace(/ ([.,;:)'])/g, '$1') })
  }
  return paragraphs
}

function wikitext(path: string, number: number): void {
  const paragraphs = wikiParagraphs(path).slice(0, limit)
  const sections = new Map<string, number[]>()
  paragraphs.forEach(({ headings }, i) => {
    const query = [...new Set([headings[0], headings.at(-1)])].join(' ')
    sections.set(query, [...(sections.get(query) ?? []), i])
  })
  const documents = paragraphs.map(({ text }) => text)
  write(`wiki-headings-${number}`, documents, [...sections].map(([text, relevant]) => ({ text, relevant }))) // prettier-ignore
  const next = seededRandom(number)
  const pairs: Pair[] = []
  for (const { text } of paragraphs) {
    const sentences = text.split(/(?<=[a-z]{3}[.]) (?=[A-Z])/)
    if (sentences.length < 3) continue
    const at = Math.floor(next() * sentences.length)
    pairs.push({ query: sentences[at], text: sentences.filter((_, i) => i !== at).join(' ') })
  }
  writePairs(`wiki-sentence-${number}`, pairs)
  const thin = pairs.map(({ query, text }) => ({ query: query.split(' ').filter(() => next() < 0.5).join(' '), text })) // prettier-ignore
  writePairs(`wiki-thin-${number}`, thin.filter(({ query }) => query.length > 10)) // prettier-ignore
}

/** Every file below a folder whose name fits, in the order of their names. */
function filesIn(folder: string, fits: RegExp, most = 20_000): string[] {
  const found: string[] = []
  const walk = (at: string) => {
    for (const entry of readdirSync(at, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (found.length >= most) return
      const path = join(at, entry.name)
      if (entry.isDirectory()) walk(path)
      else if (entry.isFile() && fits.test(entry.name) && statSync(path).size < 500_000) found.push(path)
    }
  }
  walk(folder)
  return found
}

const cut = (text: string, words: number) => text.split(/\s+/).filter(Boolean).slice(0, words).join(' ')

function manPages(folder: string, number: number): void {
  const pairs: Pair[] = []
  for (const path of drawn(filesIn(folder, /\.gz$/), limit * 4)) {
    const roff = gunzipSync(readFileSync(path)).toString('utf8').replace(/^[.']\\".*$/gm, '') // prettier-ignore
    const plain = (section: string) => {
      const found = new RegExp(`^\\.S[Hh] "?${section}"?\\s*$([\\s\\S]*?)(?=^\\.S[Hh] |$(?![\\s\\S]))`, 'm').exec(roff)
      return (found?.[1] ?? '')
        .replace(/^[.'](?:de|ds|if|ie|el|nr|so|so|ad|nh|TH|RS|RE|PP|sp|br|nf|fi|ft|IX).*$/gm, '')
        .replace(/^[.'][A-Z]{1,2} ?/gm, '')
        .replace(/\\f(?:[A-Z]|\(\w\w|\[\w*\])|\\m\[\w*\]|\\s[-+]?\d/g, '')
        .replace(/\\-/g, '-')
        .replace(/\\[(*]..|\\[&|^:,/!]|\\e/g, ' ')
        .replace(/\s+/g, ' ')
        .trim()
    }
    const [, query] = /^\S.*? -+ (.+)$/.exec(plain('NAME')) ?? []
    const text = cut(plain('DESCRIPTION'), 150)
    if (query && query.split(' ').length >= 3 && text.split(' ').length >= 40) pairs.push({ query, text })
  }
  writePairs(`man-${number}`, pairs)
}

function perldiag(path: string): void {
  const plain = (pod: string) => pod.replace(/[A-Z]<+\s?([^<>]*?)\s?>+/g, '$1').replace(/\s+/g, ' ').trim() // prettier-ignore
  const pairs: Pair[] = []
  let names: string[] = []
  for (const part of readFileSync(path, 'utf8')
    .split(/^=item /m)
    .slice(1)) {
    const [name, ...rest] = part.split('\n')
    const text = plain(rest.join('\n').replace(/^=\w+.*$/gm, ''))
    names.push(plain(name))
    if (text === '') continue
    pairs.push({ query: names[0], text: cut(text.replace(/^\([^)]*\) /, ''), 150) })
    names = []
  }
  writePairs('perldiag', pairs)
}

function python(folder: string, number: number): void {
  const pairs: Pair[] = []
  for (const path of drawn(filesIn(folder, /\.py$/), 3000))
    for (const [, doc] of readFileSync(path, 'utf8').matchAll(
      /^ *(?:def|class) [^\n]*(?:\n[^\n]*)??:\n\s+r?"""([^"]+)"""/gm,
    )) {
      const [first, ...rest] = doc.trim().split(/\n\s*\n/)
      const text = cut(rest.join(' '), 150)
      const query = first.replace(/\s+/g, ' ')
      if (query.split(' ').length >= 4 && query.length < 200 && text.split(' ').length >= 30)
        pairs.push({ query, text })
    }
  writePairs(`python-${number}`, [...new Map(pairs.map((pair) => [pair.query, pair])).values()])
}

function markdown(folder: string): void {
  const pairs: Pair[] = []
  for (const path of filesIn(folder, /\.md$/i)) {
    const [title, ...sections] = readFileSync(path, 'utf8').split(/^#+ +/m).slice(1)
    for (const section of sections) {
      const [heading, ...rest] = section
        .replace(/```[\s\S]*?(?:```|$)/g, '')
        .replace(/\]\([^)]*\)|[[\]`*]/g, '')
        .split('\n')
      const query = `${title?.split('\n')[0] ?? ''} ${heading}`
        .replace(/<[^>]*>|\]\([^)]*\)|[[\]`*!]/g, '')
        .replace(/\s+/g, ' ')
        .trim()
      const text = cut(rest.join(' '), 150)
      if (query.length > 8 && query.length < 200 && text.split(' ').length >= 40) pairs.push({ query, text })
    }
  }
  writePairs('markdown', [...new Map(pairs.map((pair) => [pair.text, pair])).values()])
}

if (options.korquad) korquad(options.korquad)
options.wikitext?.forEach((path, i) => wikitext(path, i + 1))
options.man?.forEach((folder, i) => manPages(folder, i + 1))
if (options.perldiag) perldiag(options.perldiag)
options.python?.forEach((folder, i) => python(folder, i + 1))
if (options.markdown) markdown(options.markdown)
