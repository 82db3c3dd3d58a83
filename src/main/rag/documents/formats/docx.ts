import mammoth from 'mammoth'
import { BlockBuilder } from '../block-builder'
import { type Extracted, type ParseInput } from '../document'
import { firstDescendant, parseXml } from '../xml'
import { ZipArchive } from '../zip'
import { htmlRoot } from './html'
import { HtmlBlocks } from './html-blocks'

// Beside the names that Word gives its styles everywhere: those of Korean templates and of Hancom's exports.
const styles = [
  "p[style-name='Title'] => h1.title:fresh",
  "p[style-name='제목'] => h1.title:fresh",
  ...[1, 2, 3, 4, 5, 6].flatMap((n) => [
    `p[style-name='제목 ${n}'] => h${n}:fresh`,
    `p[style-name='개요 ${n}'] => h${n}:fresh`,
    `p[style-name='Outline ${n}'] => h${n}:fresh`,
  ]),
]

/** A Word document by mammoth: headings, paragraphs, lists, tables, notes. It gets the XML parts alone, unpacked by us. */
export async function parseDocx({ bytes, limits }: ParseInput): Promise<Extracted> {
  const zip = new ZipArchive(bytes, limits)
  const plain = zip.repackText((name) => /\.(xml|rels)$/.test(name))
  // mammoth writes an image per picture; none of them is wanted.
  const convertImage = mammoth.images.imgElement(async () => ({ src: '' }))
  const { value } = await mammoth.convertToHtml({ buffer: Buffer.from(plain) }, { styleMap: styles, convertImage })
  const builder = new BlockBuilder(limits.textLength)
  new HtmlBlocks(builder).add(htmlRoot(value))
  return builder.finish(coreTitle(zip) ?? builder.firstHeading())
}

/** The title in an Open Packaging archive's properties. */
export function coreTitle(zip: ZipArchive): string | null {
  if (!zip.has('docProps/core.xml')) return null
  const title = firstDescendant(parseXml(zip.text('docProps/core.xml'), 'document'), 'title')?.textContent?.trim()
  return title && !/^(PowerPoint Presentation|PowerPoint 프레젠테이션|Untitled)$/i.test(title) ? title : null
}
