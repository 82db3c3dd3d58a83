import { type Element } from '@xmldom/xmldom'
import { BlockBuilder } from '../block-builder'
import { type Extracted, type ParseInput } from '../document'
import { relationsOf } from '../relations'
import { attribute, children, descendants, firstDescendant, parseXml } from '../xml'
import { ZipArchive } from '../zip'
import { coreTitle } from './docx'

/** Slides in their order: the title as heading, text, tables, then the speaker's notes. A slide is a page. */
export async function parsePptx({ bytes, limits }: ParseInput): Promise<Extracted> {
  const zip = new ZipArchive(bytes, limits)
  const builder = new BlockBuilder(limits.textLength)
  const slides = slidePaths(zip)
  slides.slice(0, limits.pages).forEach((path, i) => {
    const slide = new Slide(builder, i + 1)
    slide.add(parseXml(zip.text(path), 'slide').documentElement!)
    const notes = [...relationsOf(zip, path).values()].find(({ type }) => type === 'notesSlide')
    if (notes && zip.has(notes.path)) slide.addNotes(parseXml(zip.text(notes.path), 'slide').documentElement!)
  })
  if (slides.length > limits.pages)
    builder.warnings.push(`Only the first ${limits.pages} of ${slides.length} slides were read.`)
  return builder.finish(coreTitle(zip) ?? builder.firstHeading())
}

function slidePaths(zip: ZipArchive): string[] {
  const part = 'ppt/presentation.xml'
  const relations = relationsOf(zip, part)
  return descendants(parseXml(zip.text(part), 'presentation'), 'sldId')
    .map((slide) => relations.get(slide.getAttribute('r:id') ?? '')?.path)
    .filter((path) => path !== undefined)
}

class Slide {
  readonly #builder: BlockBuilder
  readonly #page: number

  constructor(builder: BlockBuilder, page: number) {
    this.#builder = builder
    this.#page = page
  }

  add(root: Element): void {
    const tree = firstDescendant(root, 'spTree')
    if (!tree) return
    const shapes = descendants(tree, 'sp')
    const titled = shapes.filter(isTitle)
    const page = this.#page
    for (const shape of titled) this.#builder.add('heading', paragraphs(shape).join(' '), { level: 1, page })
    const others = [...descendants(tree, '*')].filter(
      (e) => (e.localName === 'sp' && !titled.includes(e)) || e.localName === 'tbl',
    )
    for (const element of others) {
      if (element.localName === 'tbl') this.#table(element)
      else for (const text of paragraphs(element)) this.#builder.add('paragraph', text, { page })
    }
  }

  addNotes(root: Element): void {
    for (const shape of descendants(root, 'sp')) {
      if (placeholder(shape) !== 'body') continue
      for (const text of paragraphs(shape)) this.#builder.add('paragraph', text, { page: this.#page })
    }
  }

  #table(table: Element): void {
    const properties = firstDescendant(table, 'tblPr')
    const named = properties?.getAttribute('firstRow') === '1'
    descendants(table, 'tr').forEach((row, i) => {
      const cells = children(row, 'tc').map((cell) => paragraphs(cell).join(' '))
      this.#builder.addRow(named && i === 0 ? 'table_header' : 'table_row', cells, this.#page)
    })
  }
}

const placeholder = (shape: Element): string | null => {
  const mark = firstDescendant(shape, 'ph')
  return mark && (attribute(mark, 'type') ?? 'body')
}
const isTitle = (shape: Element) => /^(title|ctrTitle)$/.test(placeholder(shape) ?? '')

/** The text of each a:p below: runs and fields, with line breaks. */
function paragraphs(element: Element): string[] {
  return descendants(element, 'p').map((paragraph) =>
    children(paragraph)
      .map((run) => (run.localName === 'br' ? '\n' : (firstDescendant(run, 't')?.textContent ?? '')))
      .join(''),
  )
}
