import { type BlockBuilder } from '../block-builder'
import { type BlockKind } from '../document'

/** The little of the DOM that is read here. */
export interface HtmlNode {
  nodeType: number
  localName?: string
  textContent: string | null
  childNodes: ArrayLike<HtmlNode>
  getAttribute?(name: string): string | null
}

const blockNames = new Set(
  (
    'address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 ' +
    'header hgroup hr html legend li main menu nav ol p pre search section summary table tbody td tfoot th thead tr ul'
  ).split(' '),
)
const skipped = new Set(
  'script style noscript template svg math iframe object embed canvas audio video map select button input textarea dialog head nav'.split(
    ' ',
  ),
)

/** Walks a tree of HTML and adds its blocks: headings, paragraphs, list items, code, table rows. */
export class HtmlBlocks {
  readonly #builder: BlockBuilder
  readonly #page: number | null
  #inline = ''
  #kind: BlockKind = 'paragraph'

  constructor(builder: BlockBuilder, page: number | null = null) {
    this.#builder = builder
    this.#page = page
  }

  add(root: HtmlNode): void {
    this.#children(root)
    this.#flush()
  }

  #children(node: HtmlNode): void {
    // linkedom collects the list anew at every look at it.
    for (const child of Array.from(node.childNodes)) this.#visit(child)
  }

  #visit(node: HtmlNode): void {
    if (node.nodeType === 3) this.#inline += (node.textContent ?? '').replace(/\s+/g, ' ')
    if (node.nodeType !== 1) return
    const name = node.localName?.toLowerCase() ?? ''
    if (skipped.has(name) || isHidden(node)) return
    if (name === 'br') this.#inline += '\n'
    else if (name === 'pre') this.#whole('code', node.textContent ?? '')
    else if (name === 'table') this.#table(node)
    else if (/^h[1-6]$/.test(name)) this.#whole('heading', node.textContent ?? '', Number(name[1]))
    else if (name === 'li' || name === 'dd' || name === 'dt') this.#as('list_item', node)
    else if (blockNames.has(name)) this.#as(this.#kind, node)
    else this.#children(node)
  }

  #as(kind: BlockKind, node: HtmlNode): void {
    this.#flush()
    const outer = this.#kind
    this.#kind = kind
    this.#children(node)
    this.#flush()
    this.#kind = outer
  }

  #whole(kind: BlockKind, text: string, level?: number): void {
    this.#flush()
    this.#builder.add(kind, kind === 'heading' ? text.replace(/\s+/g, ' ') : text, { level, page: this.#page })
  }

  #flush(): void {
    if (this.#inline) this.#builder.add(this.#kind, this.#inline, { page: this.#page })
    this.#inline = ''
  }

  /** Tables of data become rows; a table of one column, or with tables inside, is taken for layout and read as text. */
  #table(table: HtmlNode): void {
    this.#flush()
    const rows = rowsOf(table)
    const widest = Math.max(0, ...rows.map(({ cells }) => cells.length))
    if (widest < 2 || rows.some(({ cells }) => cells.some((cell) => contains(cell, 'table'))))
      return this.#as('paragraph', table)
    rows.forEach(({ cells, header }, i) => {
      const kind = header && i === 0 ? 'table_header' : 'table_row'
      this.#builder.addRow(
        kind,
        cells.map((cell) => (cell.textContent ?? '').normalize('NFC')),
        this.#page,
      )
    })
  }
}

function isHidden(node: HtmlNode): boolean {
  if (node.getAttribute?.('hidden') != null || node.getAttribute?.('aria-hidden') === 'true') return true
  return /display\s*:\s*none/i.test(node.getAttribute?.('style') ?? '')
}

function elements(node: HtmlNode): HtmlNode[] {
  return Array.from(node.childNodes).filter((child) => child.nodeType === 1)
}

const nameOf = (node: HtmlNode) => node.localName?.toLowerCase() ?? ''

function rowsOf(table: HtmlNode): { cells: HtmlNode[]; header: boolean }[] {
  const groups = elements(table).flatMap((child) =>
    /^(thead|tbody|tfoot)$/.test(nameOf(child)) ? elements(child) : [child],
  )
  return groups
    .filter((row) => nameOf(row) === 'tr')
    .map((row) => {
      const cells = elements(row).filter((cell) => /^t[dh]$/.test(nameOf(cell)))
      return { cells, header: cells.length > 0 && cells.every((cell) => nameOf(cell) === 'th') }
    })
}

function contains(node: HtmlNode, name: string): boolean {
  return elements(node).some((child) => nameOf(child) === name || contains(child, name))
}
