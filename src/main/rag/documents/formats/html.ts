import { Readability } from '@mozilla/readability'
import { parseHTML } from 'linkedom'
import { BlockBuilder } from '../block-builder'
import { type Extracted, type ParseInput } from '../document'
import { HtmlBlocks, type HtmlNode } from './html-blocks'

const enoughOfPage = 0.5

/**
 * A page's own words. What the page marks as its main part is taken where it holds at least half of the text, then what
 * Readability finds, else the whole body; never scripts, navigation or what is hidden.
 */
export function parseHtml(source: string, { limits }: ParseInput): Extracted {
  const builder = new BlockBuilder(limits.textLength)
  const { document } = parseHTML(whole(source))
  const title = document.querySelector('title')?.textContent || document.querySelector('h1')?.textContent || null
  new HtmlBlocks(builder).add(mainPart(document, source))
  return builder.finish(title)
}

/** A bare tree of markup, without anything of the page around it. */
export function htmlRoot(source: string): HtmlNode {
  return parseHTML(whole(source)).document.body as unknown as HtmlNode
}

/** linkedom wants an html element to hang everything on. */
const whole = (source: string): string =>
  /<html[\s>]/i.test(source)
    ? source.replace(/^\s*<\?xml[^>]*\?>/, '')
    : `<!doctype html><html><body>${source}</body></html>`

function mainPart(document: Document, source: string): HtmlNode {
  const body = (document.body ?? document.documentElement) as unknown as HtmlNode
  const all = lengthOf(body)
  const marked = document.querySelectorAll('main, [role=main]')
  const candidates = marked.length === 1 ? marked : document.querySelectorAll('article')
  if (candidates.length === 1) {
    const main = candidates[0] as unknown as HtmlNode
    if (lengthOf(main) >= all * enoughOfPage) return main
  }
  return readable(source, all) ?? body
}

/** Readability changes its document, and drops too much of pages that are no article: only a large part counts. */
function readable(source: string, all: number): HtmlNode | null {
  if (all < 1000) return null
  const { document } = parseHTML(whole(source))
  const article = new Readability(document, { charThreshold: 500, maxElemsToParse: 50_000 }).parse()
  if (!article?.content || (article.textContent?.replace(/\s+/g, '').length ?? 0) < all * enoughOfPage) return null
  return htmlRoot(article.content)
}

const lengthOf = (node: HtmlNode): number => (node.textContent ?? '').replace(/\s+/g, '').length
