import * as kordoc from 'kordoc'
import { BlockBuilder } from '../block-builder'
import { type Extracted, type ParseInput } from '../document'
import { ZipArchive } from '../zip'
import { coreTitle } from './docx'
import { addKordocBlocks, kordocBlocks } from './kordoc-blocks'

/** An Excel workbook by kordoc: a sheet a page, its name a heading, its rows with the cells' shown values. */
export async function parseXlsx({ bytes, limits }: ParseInput): Promise<Extracted> {
  const zip = new ZipArchive(bytes, limits)
  const wanted = (name: string) => /\.(xml|rels)$/.test(name) && !/^xl\/(drawings|charts|media|theme)\//.test(name)
  const plain = zip.repackText(wanted)
  const extracted = sheets(await kordoc.parseXlsx(new Uint8Array(plain).buffer), limits.textLength)
  return { ...extracted, title: coreTitle(zip) }
}

/** Excel's old binary workbook (BIFF8). */
export async function parseXls({ bytes, limits }: ParseInput): Promise<Extracted> {
  return sheets(await kordoc.parseXls(new Uint8Array(bytes).buffer), limits.textLength)
}

function sheets(result: kordoc.ParseResult, textLength: number): Extracted {
  const { blocks } = kordocBlocks(result, 'workbook')
  const builder = new BlockBuilder(textLength)
  addKordocBlocks(blocks, builder, (block) => block.pageNumber ?? null)
  return builder.finish(null)
}
