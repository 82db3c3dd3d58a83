import katex from 'katex'
import type { MarkdownIt, StateBlock, StateInline } from 'markdown-it'

const inlineForms = [
  { open: '$$', close: '$$', display: true },
  { open: '\\[', close: '\\]', display: true },
  { open: '\\(', close: '\\)', display: false },
  { open: '$', close: '$', display: false },
]

/** A lone $ is money unless it hugs its content on both sides and no digit follows (Pandoc's rule). */
function isMoney(source: string, from: number, to: number): boolean {
  return /\s/.test(source[from]) || /\s/.test(source[to - 1]) || /\d/.test(source[to + 1] ?? '')
}

function inlineRule(state: StateInline, silent: boolean): boolean {
  for (const { open, close, display } of inlineForms) {
    if (!state.src.startsWith(open, state.pos)) continue
    const from = state.pos + open.length
    const to = state.src.indexOf(close, from)
    if (to <= from || to > state.posMax) continue
    if (open === '$' && isMoney(state.src, from, to)) continue
    if (!silent) {
      const token = state.push('math', 'math', 0)
      token.content = state.src.slice(from, to)
      token.meta = { display }
    }
    state.pos = to + close.length
    return true
  }
  return false
}

const blockForms = [
  { open: '$$', close: '$$' },
  { open: '\\[', close: '\\]' },
]

function blockRule(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  const lineOf = (line: number) => state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line])
  const first = lineOf(startLine)
  const form = blockForms.find(({ open }) => first.startsWith(open))
  if (!form) return false
  const collected: string[] = []
  for (let line = startLine; line < endLine; line += 1) {
    const text = line === startLine ? first.slice(form.open.length) : lineOf(line)
    const end = text.indexOf(form.close)
    collected.push(end < 0 ? text : text.slice(0, end))
    if (end < 0) continue
    if (text.slice(end + form.close.length).trim() !== '') return false
    if (silent) return true
    const token = state.push('math', 'math', 0)
    token.block = true
    token.content = collected.join('\n')
    token.meta = { display: true }
    token.map = [startLine, line + 1]
    state.line = line + 1
    return true
  }
  return false
}

/**
 * TeX between $…$, $$…$$, \(…\) and \[…\] as MathML, which needs neither KaTeX's fonts nor inline styles.
 * What is not TeX is shown as it was written.
 */
export function math(md: MarkdownIt): void {
  md.inline.ruler.before('escape', 'math', inlineRule)
  md.block.ruler.before('fence', 'math', blockRule, { alt: ['paragraph', 'reference', 'blockquote', 'list'] })
  md.renderer.rules.math = (tokens, index) => {
    const { content, meta, block } = tokens[index]
    const { display } = meta as { display: boolean }
    const html = katex.renderToString(content, {
      displayMode: display,
      output: 'mathml',
      throwOnError: false,
      strict: 'ignore',
      maxExpand: 200,
    })
    return block ? `<div class="math-block">${html}</div>` : html
  }
}
