import { posix } from 'node:path'
import { type Element } from '@xmldom/xmldom'
import { BlockBuilder } from '../block-builder'
import { type Extracted, type ParseInput } from '../document'
import { documentError } from '../problem'
import { descendants, firstDescendant, parseXml, refuseEntities } from '../xml'
import { ZipArchive } from '../zip'
import { htmlRoot } from './html'
import { HtmlBlocks } from './html-blocks'

/** A book's chapters in reading order (EPUB 2 and 3, without rights management). */
export async function parseEpub({ bytes, limits }: ParseInput): Promise<Extracted> {
  const zip = new ZipArchive(bytes, limits)
  refuseProtected(zip)
  const container = parseXml(zip.text('META-INF/container.xml'), 'book')
  const packagePath = firstDescendant(container, 'rootfile')?.getAttribute('full-path') ?? ''
  const book = parseXml(zip.text(packagePath), 'book').documentElement!
  const builder = new BlockBuilder(limits.textLength)
  let missing = 0
  for (const path of chapterPaths(book, packagePath)) {
    if (!zip.has(path)) missing++
    else {
      const markup = zip.text(path)
      refuseEntities(markup)
      new HtmlBlocks(builder).add(htmlRoot(markup))
    }
  }
  if (missing > 0) builder.warnings.push(`${missing} of its chapters are missing from the file.`)
  return builder.finish(firstDescendant(book, 'title')?.textContent ?? null)
}

function chapterPaths(book: Element, packagePath: string): string[] {
  const items = new Map(descendants(book, 'item').map((item) => [item.getAttribute('id'), item]))
  return descendants(book, 'itemref').flatMap((reference) => {
    const item = items.get(reference.getAttribute('idref'))
    if (!item || !/html/.test(item.getAttribute('media-type') ?? '') || isNavigation(item)) return []
    return [posix.join(posix.dirname(packagePath), decodeURIComponent(item.getAttribute('href') ?? ''))]
  })
}

/** The table of contents repeats every heading. */
const isNavigation = (item: Element) => /(^|\s)nav(\s|$)/.test(item.getAttribute('properties') ?? '')

/** Fonts may be scrambled without harm; anything else that is encrypted is rights management. */
function refuseProtected(zip: ZipArchive): void {
  if (!zip.has('META-INF/encryption.xml')) return
  const paths = descendants(parseXml(zip.text('META-INF/encryption.xml'), 'book'), 'CipherReference').map(
    (e) => e.getAttribute('URI') ?? '',
  )
  if (paths.some((path) => !/\.(ttf|otf|woff2?)$/i.test(path)))
    throw documentError('encrypted', 'The book is protected by digital rights management.')
}
