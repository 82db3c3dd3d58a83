import DOMPurify from 'dompurify'
import hljs from 'highlight.js/lib/common'
import MarkdownIt from 'markdown-it'
import { math } from './math'

/** Code longer than this is shown without colours: highlighting it would hold up the window. */
const highlightLimit = 50_000

export interface MarkdownLabels {
  copy: string
  image: string
  /** What a marker [n] leads to, by n; those that are not here stay text. */
  citations?: ReadonlyMap<number, string>
  /** Said of a sentence that no source supports. */
  unsupported?: string
}

const md = new MarkdownIt({ html: false, linkify: true, breaks: true }).use(math)
const escape = md.utils.escapeHtml
const labelsIn = (env: unknown) => env as MarkdownLabels

function codeBlock(code: string, language: string, labels: MarkdownLabels): string {
  const known = hljs.getLanguage(language)
  const body =
    known && code.length <= highlightLimit
      ? hljs.highlight(code, { language, ignoreIllegals: true }).value
      : escape(code)
  const head = `<header><span>${escape(language)}</span><button type="button" data-copy>${escape(labels.copy)}</button></header>`
  return `<div class="code-block">${head}<pre tabindex="0"><code>${body}</code></pre></div>\n`
}

md.renderer.rules.fence = (tokens, index, _options, env) => {
  const { content, info } = tokens[index]
  return codeBlock(content, info.trim().split(/\s+/)[0] ?? '', labelsIn(env))
}
md.renderer.rules.code_block = (tokens, index, _options, env) => codeBlock(tokens[index].content, '', labelsIn(env))

// [n] leads to a source where there is one of that number.
md.inline.ruler.before('link', 'citation', (state, silent) => {
  const found =
    state.src[state.pos] === '[' ? /^\[(\d{1,3})\](?![(:])/.exec(state.src.slice(state.pos, state.pos + 6)) : null
  if (!found || !labelsIn(state.env).citations?.has(Number(found[1]))) return false
  if (!silent) state.push('citation', '', 0).content = found[1]
  state.pos += found[0].length
  return true
})
md.renderer.rules.citation = (tokens, index, _options, env) => {
  const { content } = tokens[index]
  const label = escape(labelsIn(env).citations?.get(Number(content)) ?? '')
  return `<button type="button" class="citation" data-citation="${content}" aria-label="${label}" title="${label}">${content}</button>`
}
md.renderer.rules.table_open = () => '<div class="table-scroll"><table>'
md.renderer.rules.table_close = () => '</table></div>'
// Images would be fetched from the network: they are shown as links to them.
md.renderer.rules.image = (tokens, index, _options, env) => {
  const { content, attrs } = tokens[index]
  const source = String(attrs?.find(([name]) => name === 'src')?.[1] ?? '')
  const label = `${escape(labelsIn(env).image)}: ${escape(content || source)}`
  return /^https?:/i.test(source) ? `<a href="${escape(source)}">${label}</a>` : `<span>${label}</span>`
}
// Column alignment comes as a style attribute, which the content security policy refuses.
md.core.ruler.push('align', (state) => {
  for (const token of state.tokens) {
    const style = token.type === 'th_open' || token.type === 'td_open' ? token.attrGet('style') : null
    if (style) token.attrs = [['data-align', String(style).replace('text-align:', '')]]
  }
})

DOMPurify.addHook('afterSanitizeAttributes', (node) => {
  if (node.nodeName !== 'A') return
  // A relative address would lead to the host's own pages.
  if (!/^(?:https?:|mailto:|#)/i.test(node.getAttribute('href') ?? '')) node.removeAttribute('href')
  node.setAttribute('target', '_blank')
  node.setAttribute('rel', 'noopener noreferrer')
})

/** The last line of defence: what Markdown and TeX produced, without anything that runs, loads or styles. */
export function sanitize(html: string): string {
  return DOMPurify.sanitize(html, {
    USE_PROFILES: { html: true, mathMl: true },
    ADD_TAGS: ['semantics', 'annotation'],
    ADD_ATTR: ['target', 'display'],
    FORBID_TAGS: ['style', 'form', 'input', 'textarea', 'select', 'img', 'picture', 'video', 'audio', 'source', 'map'],
    FORBID_ATTR: ['style', 'srcset', 'background', 'ping'],
    ALLOWED_URI_REGEXP: /^(?:(?:https?|mailto):|[^a-z]|[a-z+.-]+(?:[^a-z+.\-:]|$))/i,
  })
}

/**
 * Brackets that stand around an unsupported sentence until it is HTML: punctuation to Markdown, so that emphasis beside them
 * stays what it is.
 */
const opening = '\u2e28'
const closing = '\u2e29'
const plainBrackets = (text: string) => text.replaceAll(opening, '((').replaceAll(closing, '))')
/** What makes a line a list item, heading or quotation has to stay in front of the bracket. */
const linePrefix = /^(?:\s*(?:[-*+]|\d+[.)]|#{1,6}|>)(?=\s))*\s*/
/** Lines that are no sentences: a table, a fence. */
const noSentence = /^\s*(?:\||```|~~~)/

/** The text with brackets around the parts that no source supports; ranges are offsets in it, in order. */
export function bracketed(text: string, ranges: readonly { start: number; end: number }[]): string {
  let out = ''
  let at = 0
  for (const { start, end } of ranges) {
    const sentence = text.slice(start, end)
    if (start < at || end > text.length || noSentence.test(sentence)) continue
    const prefix = linePrefix.exec(sentence)?.[0] ?? ''
    out += `${plainBrackets(text.slice(at, start))}${prefix}${opening}${plainBrackets(sentence.slice(prefix.length))}${closing}`
    at = end
  }
  return out + plainBrackets(text.slice(at))
}

function withMarks(html: string, { unsupported = '' }: MarkdownLabels): string {
  return html
    .replaceAll(opening, `<span class="unsupported" title="${escape(unsupported)}">`)
    .replaceAll(closing, '</span>')
}

/** A top-level piece of a text (a paragraph, a list, a block of code) as safe HTML. */
export interface Block {
  source: string
  html: string
}

/**
 * Markdown to safe HTML, block by block. Blocks whose source has not changed are taken over from `before`, so that a
 * growing text costs its last block only and what was read or selected above stays untouched.
 */
export function renderBlocks(text: string, labels: MarkdownLabels, before: readonly Block[] = []): Block[] {
  const env = { ...labels }
  const tokens = md.parse(text, env)
  const lines = text.split('\n')
  const blocks: Block[] = []
  for (let start = 0; start < tokens.length;) {
    let end = start
    for (let depth = tokens[start].nesting; depth > 0; depth += tokens[end].nesting) end += 1
    const [from, to] = tokens[start].map ?? [0, lines.length]
    const source = lines.slice(from, to).join('\n')
    const kept = before[blocks.length]
    const html = () => sanitize(withMarks(md.renderer.render(tokens.slice(start, end + 1), md.options, env), labels))
    blocks.push(kept?.source === source ? kept : { source, html: html() })
    start = end + 1
  }
  return blocks
}
