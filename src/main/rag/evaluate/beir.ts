/** A BEIR folder: corpus.jsonl, queries.jsonl and qrels/test.tsv (Thakur et al. 2021). It comes from outside: every line is checked. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { MoruError, throwIfCancelled } from '../../../shared/errors'

export interface CorpusDocument {
  id: string
  /** Title and text, as they are indexed. */
  text: string
  title: string
}

export interface EvaluatedQuery {
  query: string
  /** Grades of the relevant documents by their ids. */
  grades: ReadonlyMap<string, number>
  /** Written by a model. */
  generated: boolean
}

const idField = z.union([z.string().min(1).max(1000), z.number().transform(String)])
const corpusLine = z.object({ _id: idField, title: z.string().nullish(), text: z.string().nullish() })
const queryLine = z.object({ _id: idField, text: z.string().max(100_000) })

/** No line of a known set is nearly as long. */
const mostLine = 16 * 2 ** 20

/** Where the three files are. @throws not_found with the one that is missing. */
export async function beirFiles(folder: string) {
  const files = {
    corpus: join(folder, 'corpus.jsonl'),
    queries: join(folder, 'queries.jsonl'),
    qrels: join(folder, 'qrels', 'test.tsv'),
  }
  for (const file of Object.values(files))
    if (!(await stat(file).catch(() => null))?.isFile())
      throw new MoruError('not_found', `${folder} is no BEIR folder: it lacks ${file.slice(folder.length + 1)}.`)
  return files
}

/** The documents one after the other. @throws invalid_file with the number of the line. */
export async function* corpusOf(file: string, signal: AbortSignal): AsyncGenerator<CorpusDocument> {
  for await (const { _id, title, text } of jsonLines(file, corpusLine, signal))
    yield { id: nameOf(_id), title: title ?? '', text: [title, text].filter(Boolean).join('\n') }
}

/** The queries of the test split that have a relevant document, in the order of their file. */
export async function queriesOf(
  files: { queries: string; qrels: string },
  signal: AbortSignal,
): Promise<EvaluatedQuery[]> {
  const grades = await qrelsOf(files.qrels, signal)
  const queries: EvaluatedQuery[] = []
  for await (const { _id, text } of jsonLines(files.queries, queryLine, signal)) {
    const own = grades.get(nameOf(_id))
    if (own && [...own.values()].some((grade) => grade > 0))
      queries.push({ query: text, grades: own, generated: false })
  }
  return queries
}

/** SHA-256 of a file in hexadecimal. */
export async function contentOf(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { signal }), hash)
  return hash.digest('hex')
}

async function qrelsOf(file: string, signal: AbortSignal): Promise<Map<string, Map<string, number>>> {
  const grades = new Map<string, Map<string, number>>()
  let first = true
  for await (const [number, line] of linesOf(file, signal)) {
    const [query, document, grade] = qrelFields(line)
    const value = Number(grade)
    // The first line may name the columns.
    const header = first && !Number.isFinite(value)
    first = false
    if (header) continue
    if (!query || !document || grade === undefined || grade === '' || !Number.isFinite(value))
      throw broken(file, number, 'a query, a document and a grade are expected, with tabs between')
    const own = grades.get(query) ?? new Map<string, number>()
    grades.set(query, own.set(document, value))
  }
  return grades
}

/** Query, document, grade; TREC's files have a column between the first two that says nothing. Without tabs, blanks separate them. */
function qrelFields(line: string): string[] {
  const fields = line.includes('\t') ? line.split('\t') : line.trim().split(/\s+/)
  const named = fields.map(nameOf)
  return named.length === 4 && ['0', 'q0'].includes(named[1].toLowerCase())
    ? [named[0], named[2], named[3]]
    : named.slice(0, 3)
}

/** Identifiers are compared without the blanks around them, in one Unicode form. */
const nameOf = (id: string): string => id.trim().normalize('NFC')

/** Objects of a file with one JSON value a line. */
export async function* jsonLines<T>(file: string, schema: z.ZodType<T>, signal: AbortSignal): AsyncGenerator<T> {
  for await (const [number, line] of linesOf(file, signal)) {
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch {
      throw broken(file, number, 'it is not JSON')
    }
    const parsed = schema.safeParse(value)
    if (!parsed.success)
      throw broken(file, number, `${parsed.error.issues[0].path.join('.')}: ${parsed.error.issues[0].message}`)
    yield parsed.data
  }
}

async function* linesOf(file: string, signal: AbortSignal): AsyncGenerator<[number: number, line: string]> {
  const input = createReadStream(file, { encoding: 'utf8', signal })
  let number = 0
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      number++
      if (line.length > mostLine) throw broken(file, number, 'it is longer than 16 MB')
      if (line.trim() !== '') yield [number, number === 1 ? line.replace(/^\uFEFF/, '') : line]
    }
  } catch (thrown) {
    throwIfCancelled(signal)
    throw thrown
  } finally {
    input.destroy()
  }
}

const broken = (file: string, line: number, what: string) =>
  new MoruError('invalid_file', `${file}, line ${line}: ${what}.`)
