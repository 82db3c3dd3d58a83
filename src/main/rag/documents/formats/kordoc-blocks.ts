import { type IRBlock, type IRTable, type ParseResult } from 'kordoc'
import { type BlockBuilder } from '../block-builder'
import { documentError } from '../problem'
import { isHeader } from './csv'

/** kordoc's blocks as ours. `page` overrules its page numbers, which are real ones only where it says so. */
export function addKordocBlocks(
  blocks: IRBlock[],
  builder: BlockBuilder,
  pageOf: (block: IRBlock) => number | null,
): void {
  for (const block of blocks) {
    const page = pageOf(block)
    if (block.type === 'table' && block.table) addTable(block.table, builder, page)
    else if (block.type === 'heading') builder.add('heading', block.text ?? '', { level: block.level ?? 1, page })
    else if (block.type === 'list') builder.add('list_item', block.text ?? '', { page })
    else if (block.type === 'paragraph')
      builder.add(/^\s*[-•·○□]\s/.test(block.text ?? '') ? 'list_item' : 'paragraph', block.text ?? '', { page })
    if (block.footnoteText) builder.add('paragraph', block.footnoteText, { page })
    if (block.children) addKordocBlocks(block.children, builder, pageOf)
  }
}

/** One cell is a frame around text; Korean forms use them for headings and notes. */
function addTable(table: IRTable, builder: BlockBuilder, page: number | null): void {
  if (table.cols === 1) {
    for (const row of table.cells) for (const cell of row) builder.add('paragraph', cell.text, { page })
    return
  }
  table.cells.forEach((row, i) => {
    const cells = row.map((cell) => cell.text)
    builder.addRow(i === 0 && table.cells.length > 1 && isHeader(cells) ? 'table_header' : 'table_row', cells, page)
  })
}

/** kordoc's answer, or its failure as an error of ours. */
export function kordocBlocks(result: ParseResult, what: string): Extract<ParseResult, { success: true }> {
  if (result.success) return result
  if (result.code === 'ENCRYPTED')
    throw documentError('encrypted', `The ${what} is protected by a password. Save it without one.`)
  if (result.code === 'DRM_PROTECTED')
    throw documentError('encrypted', `The ${what} is protected by rights management.`)
  const said = result.error.split('\n')[0].slice(0, 200).replace(/\.$/, '')
  throw documentError('broken', `This ${what} is damaged or is not one: ${said}.`)
}
