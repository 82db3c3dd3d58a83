import { BlockBuilder } from '../block-builder'
import { type Block, type Extracted, type ParseInput } from '../document'
import { normalizeExtracted, normalizeText } from '../normalize'
import { documentError } from '../problem'
import { SourceMapBuilder, sourceOffset } from '../source-map'
import { linesOf } from './lines'
import { parsePlainText } from './plain-text'

const deepest = 200

/**
 * JSON as readable lines: "key.path: value", strings unescaped; a block a record of the outermost array or of an outermost
 * object's lists. A Jupyter notebook becomes its cells. What is no JSON after all is read as text.
 */
export function parseJson(source: string, { limits }: ParseInput): Extracted {
  let value: unknown
  try {
    value = JSON.parse(source)
  } catch {
    const text = parsePlainText(source)
    text.warnings.push('It is not valid JSON, and was read as plain text.')
    return text
  }
  const builder = new BlockBuilder(limits.textLength)
  if (isNotebook(value)) return notebook(value, builder)
  const records = recordsOf(value)
  for (const record of records) builder.add('paragraph', linesOfValue(record))
  return builder.finish(titleOf(value))
}

/** The elements of an array; the entries of an object, and of its lists of objects each one. */
function recordsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  if (!isObject(value)) return [value]
  return Object.entries(value).flatMap(([key, entry]) =>
    Array.isArray(entry) && entry.every(isObject) ? entry.map((item) => ({ [key]: item })) : [{ [key]: entry }],
  )
}

/** A value a line; the map leads from each record to its line. Lines that are no JSON are left out and counted. */
export function parseJsonLines(source: string, { limits }: ParseInput): Extracted {
  const { text, map } = normalizeText(source)
  const anchors = new SourceMapBuilder()
  const blocks: Block[] = []
  const parts: string[] = []
  let at = 0
  let bad = 0
  for (const line of linesOf(text)) {
    if (!/\S/.test(line.text)) continue
    const record = recordOf(line.text)
    if (record === null) bad++
    if (!record) continue
    anchors.anchor(at, sourceOffset(map, line.start))
    blocks.push({ kind: 'paragraph', start: at, end: at + record.length, page: null })
    parts.push(record)
    at += record.length + 2
    if (at > limits.textLength)
      throw documentError('too_large', `Its text is longer than ${limits.textLength} characters.`)
  }
  if (bad > 0 && blocks.length === 0) throw documentError('broken', 'None of its lines is valid JSON.')
  const warnings = bad > 0 ? [`${bad} of its lines are not valid JSON and were left out.`] : []
  return { title: null, text: parts.join('\n\n'), blocks, sourceMap: anchors.build(source.length), warnings }
}

function recordOf(line: string): string | null {
  try {
    return normalizeExtracted(linesOfValue(JSON.parse(line))).trim()
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** "path: value" lines of a value; lists of plain values stay on one line. */
function linesOfValue(value: unknown): string {
  const lines: string[] = []
  const walk = (value: unknown, path: string, depth: number) => {
    if (depth > deepest) throw documentError('broken', `Its values are nested deeper than ${deepest} levels.`)
    const name = path ? `${path}: ` : ''
    if (Array.isArray(value)) {
      if (value.every((item) => !isObject(item) && !Array.isArray(item))) {
        if (value.length > 0) lines.push(name + value.map(scalar).join(', '))
      } else for (const item of value) walk(item, path, depth + 1)
    } else if (isObject(value))
      for (const [key, item] of Object.entries(value)) walk(item, path ? `${path}.${key}` : key, depth + 1)
    else if (value !== null && value !== '') lines.push(name + scalar(value))
  }
  walk(value, '', 0)
  return lines.join('\n')
}

const scalar = (value: unknown): string => (typeof value === 'string' ? value : String(value))
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function titleOf(value: unknown): string | null {
  const title = isObject(value) ? (value.title ?? value.name) : null
  return typeof title === 'string' ? title : null
}

interface Notebook {
  cells: { cell_type?: unknown; source?: unknown }[]
}

const isNotebook = (value: unknown): value is Notebook & Record<string, unknown> =>
  isObject(value) && 'nbformat' in value && Array.isArray(value.cells) && value.cells.every(isObject)

function notebook({ cells }: Notebook, builder: BlockBuilder): Extracted {
  let title: string | null = null
  for (const { cell_type: kind, source } of cells) {
    const text = Array.isArray(source) ? source.map(String).join('') : typeof source === 'string' ? source : ''
    if (kind === 'code') builder.add('code', text)
    else
      for (const part of text.split(/\n{2,}/)) {
        const heading = /^(#{1,6})\s+(.+)$/.exec(part.trim())
        if (heading) {
          title ??= heading[2]
          builder.add('heading', heading[2], { level: heading[1].length })
        } else builder.add('paragraph', part)
      }
  }
  return builder.finish(title)
}
