import * as kordoc from 'kordoc'
import { BlockBuilder } from '../block-builder'
import { type Extracted, type ParseInput } from '../document'
import { firstDescendant, parseXml } from '../xml'
import { ZipArchive } from '../zip'
import { addKordocBlocks, kordocBlocks } from './kordoc-blocks'

/** Hancom's HWP, versions 3 and 5, by kordoc. */
export async function parseHwp({ bytes, limits }: ParseInput): Promise<Extracted> {
  return extracted(await kordoc.parse(arrayBuffer(bytes)), limits.textLength, 'HWP document')
}

/** HWPX (OWPML, KS X 6101) by kordoc, which gets the XML parts alone, unpacked by us. */
export async function parseHwpx({ bytes, limits }: ParseInput): Promise<Extracted> {
  const zip = new ZipArchive(bytes, limits)
  const plain = zip.repackText((name) => /\.(xml|hpf|rdf)$/i.test(name) || name === 'mimetype')
  const document = extracted(await kordoc.parse(arrayBuffer(plain)), limits.textLength, 'HWPX document')
  return { ...document, title: packageTitle(zip) ?? document.title }
}

function packageTitle(zip: ZipArchive): string | null {
  const part = 'Contents/content.hpf'
  if (!zip.has(part)) return null
  return firstDescendant(parseXml(zip.text(part), 'document'), 'title')?.textContent?.trim() || null
}

function extracted(result: kordoc.ParseResult, textLength: number, what: string): Extracted {
  const { blocks, metadata } = kordocBlocks(result, what)
  const builder = new BlockBuilder(textLength)
  // Sections are counted where the file keeps no layout; they are no pages.
  const paged = metadata?.pageMode === 'layout'
  addKordocBlocks(blocks, builder, (block) => (paged ? (block.pageNumber ?? null) : null))
  return builder.finish(metadata?.title || builder.firstHeading())
}

const arrayBuffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer
