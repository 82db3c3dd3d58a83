/**
 * From an answer to its sources. Markers that the model set are kept where they name a passage; a sentence without one
 * gets the passage that says the same, found by its words or, where the embedding model knows the language, by meaning;
 * a sentence that no passage supports is marked as such.
 */
import { type Citation } from '../../../shared/contract/knowledge'
import { sentencesOf } from '../documents'
import { contentTerms, coverage } from './question-words'
import { type Passage } from './passages'

/** Similarity by meaning: rows are texts of the answer, columns texts of the passages; cosines, counted from
 * the background of the model to 1. Null: not for this language. */
export type Compare = (statements: string[], texts: string[]) => Promise<number[][]>

export interface CitedAnswer {
  text: string
  citations: Citation[]
  unsupported: { start: number; end: number }[]
}

/**
 * Supported: so large a share of a sentence's words stands in the passage, or half of it and the cosine to one of the
 * passage's sentences is so high. Where the model itself named the passage, one of both will do.
 */
export const supportedShare = 0.6
export const supportedCosine = 0.6
const shareWhereNamed = supportedShare / 2
/** Fewer words than this state nothing ("Yes.", "Sure!"). */
const fewestTerms = 2
const manyWords = 8

/** What says that there is no answer needs no source. */
const refusal =
  /\b(do(es)? not|don['’]t|doesn['’]t|not) (say|state|contain|hold|mention|answer|provide|specify|include)|no information|찾을 수 없|나와 있지 않|알 수 없|언급(되지|하지) 않|정보가 없/i

const marker = /\s*\[(\d+)\]/g

/** Markers in one form: [1][2] for [1, 2], before the full stop rather than behind it; those that name nothing are left out. */
export function normalizeMarkers(text: string, passages: number): string {
  return text
    .replace(/[ \t]*\[\s*(?:passages?|sources?|구절|문서)?\s*(\d+(?:\s*[,;&]\s*\d+)*)\s*\]/giu, (_, list: string) => {
      const numbers = [...new Set(list.split(/\D+/).map(Number))].filter((n) => n >= 1 && n <= passages)
      return numbers.length > 0 ? ` ${numbers.map((n) => `[${n}]`).join('')}` : ''
    })
    .replace(
      /([.!?。]+)((?:[ \t]*\[\d+\])+)/g,
      (_, stop: string, marks: string) => ` ${marks.replace(/\s+/g, '')}${stop}`,
    )
    .replace(/(\[\d+\])[ \t]+(?=\[\d+\])/g, '$1')
    .replace(/(\[\d+\])(?=(?:\[\d+\])*\1)/g, '')
}

interface Statement {
  start: number
  end: number
  /** Without markers. */
  plain: string
  terms: string[]
  named: number[]
}

/** @param compare null where no embedding model knows the answer's language. */
export async function citeAnswer(
  answer: string,
  passages: readonly Passage[],
  compare: Compare | null,
): Promise<CitedAnswer> {
  const text = normalizeMarkers(answer.trim(), passages.length)
  const statements = statementsOf(text)
  const support = await supportOf(statements, passages, compare)
  const added = new Map<number, number>()
  const unsupported = new Set<Statement>()
  statements.forEach((statement, i) => {
    if (statement.named.length > 0) {
      const enough = statement.named.some((n) => support[i][n - 1].named)
      if (!enough) unsupported.add(statement)
      return
    }
    const best = bestOf(support[i])
    if (best === null) unsupported.add(statement)
    else added.set(statement.end, passages[best].marker)
  })
  return placeMarkers(text, statements, added, unsupported, passages)
}

/** Sentences that state something, line by line. */
function statementsOf(text: string): Statement[] {
  const statements: Statement[] = []
  for (const line of text.matchAll(/[^\n]+/g))
    for (const { start, end } of sentencesOf(text, line.index, line.index + line[0].length)) {
      const sentence = text.slice(start, end)
      const plain = sentence.replace(marker, '')
      const terms = contentTerms(plain)
      const named = [...sentence.matchAll(marker)].map((match) => Number(match[1]))
      // Long sentences that say next to nothing state something too, and nothing supports it.
      const long = terms.length > 0 && plain.split(/\s+/).length >= manyWords
      const states = (terms.length >= fewestTerms || long) && !refusal.test(plain) && !/[?？:]\s*$/.test(plain)
      if (named.length > 0 || states) statements.push({ start, end, plain, terms, named })
    }
  return statements
}

interface Support {
  /** Words and meaning together, to choose by. */
  score: number
  /** Whether the passage says what the sentence says; and whether it is enough where the model named it. */
  found: boolean
  named: boolean
}

async function supportOf(
  statements: Statement[],
  passages: readonly Passage[],
  compare: Compare | null,
): Promise<Support[][]> {
  const cosines = compare && statements.length > 0 ? await cosinesOf(statements, passages, compare) : null
  return statements.map(({ terms, plain }, i) =>
    passages.map((passage, p) => {
      const share = coverage(terms, passage.text)
      const cosine = cosines?.[i][p] ?? 0
      const alike = cosine >= supportedCosine && share >= shareWhereNamed
      // A number that the passage does not have is not from there, however alike the rest is.
      const numbers = numbersThere(plain, passage.text)
      return {
        score: share + cosine,
        found: numbers && (share >= supportedShare || alike),
        named: numbers && (share >= shareWhereNamed || cosine >= supportedCosine),
      }
    }),
  )
}

function numbersThere(statement: string, text: string): boolean {
  const digits = (t: string): string[] => t.replace(/(?<=\d)[,\s](?=\d{3}(?!\d))/g, '').match(/\d+(?:\.\d+)?/g) ?? []
  const there = new Set(digits(text))
  return digits(statement).every((number) => there.has(number))
}

/** For each statement the best cosine to a sentence of each passage. */
async function cosinesOf(statements: Statement[], passages: readonly Passage[], compare: Compare): Promise<number[][]> {
  const sentences = passages.map(({ text }) => sentenceTexts(text))
  const rows = await compare(
    statements.map(({ plain }) => plain),
    sentences.flat(),
  )
  return rows.map((row) => {
    let at = 0
    return sentences.map((own) => Math.max(0, ...row.slice(at, (at += own.length))))
  })
}

/** The sentences of a passage without the marks of Markdown; headings state nothing. */
function sentenceTexts(text: string): string[] {
  const lines = text.split('\n').filter((line) => !/^\s*#{1,6}\s/.test(line))
  const plain = (lines.some((line) => /\S/.test(line)) ? lines : text.split('\n')).map((line) =>
    line.replace(/^\s*([-*+]|\d+[.)])\s+/, ''),
  )
  const joined = plain.join('\n')
  return sentencesOf(joined).map(({ start, end }) => joined.slice(start, end).replace(/\s+/g, ' '))
}

function bestOf(support: Support[]): number | null {
  let best: number | null = null
  support.forEach(({ found, score }, i) => {
    if (found && (best === null || score > support[best].score)) best = i
  })
  return best
}

/** Puts the markers in before each sentence's closing mark, and carries the offsets along. */
function placeMarkers(
  text: string,
  statements: Statement[],
  added: ReadonlyMap<number, number>,
  unsupported: ReadonlySet<Statement>,
  passages: readonly Passage[],
): CitedAnswer {
  let out = ''
  let at = 0
  const ranges: CitedAnswer['unsupported'] = []
  for (const statement of statements) {
    out += text.slice(at, statement.start)
    const start = out.length
    const sentence = text.slice(statement.start, statement.end)
    const number = added.get(statement.end)
    out += number === undefined ? sentence : withMarker(sentence, number)
    if (unsupported.has(statement)) ranges.push({ start, end: out.length })
    at = statement.end
  }
  out += text.slice(at)
  return { text: out, citations: citationsIn(out, passages), unsupported: ranges }
}

function withMarker(sentence: string, number: number): string {
  const closing = /[.!?。…]+["'”’」』)\]]*$/.exec(sentence)
  const end = closing ? closing.index : sentence.length
  return `${sentence.slice(0, end).trimEnd()} [${number}]${sentence.slice(end)}`
}

/** What the markers of a text stand for, in the order in which they first come. */
export function citationsIn(text: string, passages: readonly Passage[]): Citation[] {
  const numbers = new Set([...text.matchAll(/\[(\d+)\]/g)].map((match) => Number(match[1])))
  return [...numbers].flatMap((number) => {
    const passage = passages[number - 1]
    if (!passage) return []
    const { documentId, chunkId, path, title, place } = passage.hit
    return [{ marker: number, documentId, chunkId, path, title, place }]
  })
}

/** The sentence of the passages that says most about the question, quoted; null when none shares a word with it. */
export async function closestSentence(
  question: string,
  passages: readonly Passage[],
  compare: Compare | null,
): Promise<{ quote: string; marker: number } | null> {
  const terms = contentTerms(question)
  const sentences = passages.flatMap(({ marker: number, text }) =>
    sentenceTexts(text).map((quote) => ({ number, quote })),
  )
  if (sentences.length === 0) return null
  const [cosines] = compare ? await compare([question], sentences.map((s) => s.quote)) : [null] // prettier-ignore
  let best = -1
  let bestScore = 0
  sentences.forEach(({ quote }, i) => {
    const score = coverage(terms, quote) + (cosines?.[i] ?? 0)
    if (score > bestScore) {
      best = i
      bestScore = score
    }
  })
  return best < 0 ? null : { quote: sentences[best].quote, marker: sentences[best].number }
}
