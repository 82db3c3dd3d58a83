import { type Block, type Extracted } from '../document'
import { normalizeText } from '../normalize'
import { isBlank, type Line, linesOf } from './lines'

/**
 * Source code and configuration: a block a top-level unit, which is what lies between blank lines that are followed by a
 * line without indentation. Closing brackets belong to what they close.
 */
export function parseCode(source: string): Extracted {
  const { text, map } = normalizeText(source)
  const blocks: Block[] = []
  let open: Block | null = null
  let blankBefore = false
  for (const line of linesOf(text)) {
    if (isBlank(line)) {
      blankBefore = true
      continue
    }
    if (open && !(blankBefore && startsUnit(line))) open.end = line.end
    else blocks.push((open = { kind: 'code', start: line.start, end: line.end, page: null }))
    blankBefore = false
  }
  return { title: null, text, blocks, sourceMap: map, warnings: [] }
}

const startsUnit = ({ text }: Line) => /^[^\s)}\]]/.test(text)
