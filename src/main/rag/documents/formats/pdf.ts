import { getDocumentProxy } from 'unpdf'
import { BlockBuilder } from '../block-builder'
import { type Extracted, type ParseInput } from '../document'
import { documentError } from '../problem'
import { TextCMaps } from './pdf-cmaps'
import { blocksOfPages, dropRunningLines, linesOfPage, type PdfLine, type TextItem } from './pdf-layout'

type Pdf = Awaited<ReturnType<typeof getDocumentProxy>>

/** The text layer of a PDF, page by page until the time is up. Throws `encrypted`, `scanned` and `broken`. */
export async function parsePdf({ bytes, limits, deadline }: ParseInput): Promise<Extracted> {
  const pdf = await open(bytes)
  const builder = new BlockBuilder(limits.textLength)
  const pages: PdfLine[][] = []
  const broken: number[] = []
  const wanted = Math.min(pdf.numPages, limits.pages)
  while (pages.length < wanted && performance.now() < deadline) {
    const page = await pageLines(pdf, pages.length + 1)
    if (!page) broken.push(pages.length + 1)
    pages.push(page ?? [])
  }
  if (pages.length === 0 && wanted > 0)
    throw documentError(
      'time_limit',
      `Opening its ${pdf.numPages} pages took all the time there is. Split the document.`,
    )
  if (broken.length === pages.length)
    throw documentError('broken', 'None of its pages can be read. Save the document again.')
  refuseUnreadable(pages)
  for (const { text, level, page } of blocksOfPages(dropRunningLines(pages)))
    builder.add(level ? 'heading' : 'paragraph', text, { page, ...(level && { level }) })
  builder.warnings.push(...gaps(pdf.numPages, pages, broken, limits.pages))
  return builder.finish((await titleOf(pdf)) ?? builder.firstHeading())
}

async function open(bytes: Uint8Array): Promise<Pdf> {
  try {
    // PDF.js takes the bytes away from whoever hands them in.
    return await getDocumentProxy(new Uint8Array(bytes), {
      BinaryDataFactory: TextCMaps,
      cMapPacked: false,
      useWorkerFetch: false,
      isImageDecoderSupported: false,
      disableFontFace: true,
      useSystemFonts: false,
      useWasm: false,
      verbosity: 0,
    } as Parameters<typeof getDocumentProxy>[1])
  } catch (error) {
    if ((error as Error).name === 'PasswordException')
      throw documentError('encrypted', 'The PDF is protected by a password. Save it without one.', error)
    throw error
  }
}

/** Null for a page that is damaged. */
async function pageLines(pdf: Pdf, number: number): Promise<PdfLine[] | null> {
  try {
    const page = await pdf.getPage(number)
    const { items } = await page.getTextContent()
    page.cleanup()
    return linesOfPage(items as TextItem[])
  } catch {
    return null
  }
}

function refuseUnreadable(pages: PdfLine[][]): void {
  const text = pages
    .flat()
    .map((line) => line.text)
    .join('')
  const letters = text.match(/[\p{L}\p{N}]/gu)?.length ?? 0
  if (letters === 0 && !/[\p{Co}\ufffd]/u.test(text))
    throw documentError(
      'scanned',
      `Its ${pages.length === 1 ? 'page holds' : `${pages.length} pages hold`} no text, only pictures of it: a scan. Run text recognition (OCR) on it first.`,
    )
  const unmapped = text.match(/[\p{Co}\ufffd]/gu)?.length ?? 0
  if (unmapped > letters)
    throw documentError(
      'scanned',
      'Its fonts do not say which characters they draw, so the text cannot be taken out. Run text recognition (OCR) on it first.',
    )
}

function gaps(all: number, pages: PdfLine[][], broken: number[], limit: number): string[] {
  const warnings: string[] = []
  const why = pages.length >= limit ? `the limit of ${limit} pages` : 'the time limit'
  if (pages.length < all) warnings.push(`Only the first ${pages.length} of ${all} pages were read: ${why}.`)
  const empty = pages.flatMap((lines, i) => (lines.length === 0 && !broken.includes(i + 1) ? [i + 1] : []))
  if (broken.length > 0) warnings.push(`These pages are damaged: ${ranges(broken)}.`)
  if (empty.length > 0) warnings.push(`These pages hold no text, perhaps scans: ${ranges(empty)}.`)
  return warnings
}

/** 1–3, 7 */
function ranges(numbers: number[]): string {
  const runs: [number, number][] = []
  for (const n of numbers) {
    const last = runs.at(-1)
    if (last && last[1] + 1 === n) last[1] = n
    else runs.push([n, n])
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ')
}

async function titleOf(pdf: Pdf): Promise<string | null> {
  try {
    const info = (await pdf.getMetadata()).info as { Title?: unknown }
    const title = typeof info.Title === 'string' ? info.Title.trim() : ''
    // Programs leave their own names and those of temporary files here.
    return /^(untitled|제목 ?없음|microsoft word - .*|.*\.(docx?|hwpx?|indd|tmp))?$/i.test(title) ? null : title
  } catch {
    return null
  }
}
