import { type Block, type Extracted } from '../document'
import { skipBlanks } from '../blanks'
import { normalizeText } from '../normalize'
import { isBlank, type Line, linesOf } from './lines'

// Parts of Korean statutes, contracts and reports: 제1장 총칙, 제3조(목적), Ⅱ. 현황.
const koreanParts: [RegExp, number][] = [
  [/^제\s?\d+\s?편(\s|$)/, 1],
  [/^(제\s?\d+\s?장(\s|$)|[ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩ]\.\s)/, 2],
  [/^제\s?\d+\s?절(\s|$)/, 3],
  [/^제\s?\d+\s?조(의\s?\d+)?\s?\([^)]*\)\s*$/, 4],
]
const englishPart = /^(chapter|part|section)\s+([\divxlc]+)\b[^.!?]{0,80}$/i
const bullet = /^\s*([-*•·◦▪□○ㅇ※]|\d{1,3}[.)]|[가-하][.)]|\(\d{1,3}\)|[①-⑳])\s+\S/
const longestHeading = 80

/** Plain text: paragraphs between blank lines, list items, and headings where a line on its own says so. */
export function parsePlainText(source: string): Extracted {
  const { text, map } = normalizeText(source)
  const blocks: Block[] = []
  let open: Block | null = null
  for (const line of linesOf(text)) {
    if (isBlank(line)) {
      open = null
      continue
    }
    const level = headingLevel(line)
    const kind = level ? 'heading' : bullet.test(line.text) ? 'list_item' : 'paragraph'
    if (open && kind === 'paragraph') open.end = trimmedEnd(line)
    else {
      const block: Block = {
        kind,
        ...(level && { level }),
        start: trimmedStart(line),
        end: trimmedEnd(line),
        page: null,
      }
      blocks.push(block)
      open = kind === 'heading' ? null : block
    }
  }
  return { title: null, text, blocks, sourceMap: map, warnings: [] }
}

function headingLevel({ text }: Line): number | null {
  const line = text.trim()
  if (line.length > longestHeading) return null
  for (const [pattern, level] of koreanParts) if (pattern.test(line)) return level
  return englishPart.test(line) ? 2 : null
}

export const trimmedStart = (line: Line): number => line.start + skipBlanks(line.text, 0, line.text.length)
export const trimmedEnd = (line: Line): number => line.start + line.text.trimEnd().length
