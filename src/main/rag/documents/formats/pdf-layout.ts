/** From pieces of text at places on a page to lines, paragraphs and headings. */

/** A piece of text as PDF.js gives it; lengths in points, y upwards. */
export interface TextItem {
  str: string
  transform: number[]
  width: number
  height: number
  hasEOL: boolean
}

export interface PdfLine {
  text: string
  size: number
  left: number
  right: number
  y: number
}

export interface PdfBlock {
  text: string
  /** Of a heading, from 1. */
  level: number | null
  page: number
}

const longestHeading = 150

/** Pieces in the order of the file as lines. A gap of a quarter of the type size is a blank. */
export function linesOfPage(items: TextItem[]): PdfLine[] {
  const lines: PdfLine[] = []
  let line: PdfLine | null = null
  let ended = false
  for (const item of items) {
    const size = Math.hypot(item.transform[2], item.transform[3]) || item.height
    const [left, y] = [item.transform[4], item.transform[5]]
    if (item.str) {
      const sameLine = line && !ended && Math.abs(line.y - y) < Math.max(size, line.size) * 0.5
      if (!line || !sameLine) {
        line = { text: '', size, left, right: left, y }
        lines.push(line)
      }
      const gap = left - line.right
      const blank = line.text && gap > line.size * 0.25 && !/\s$/.test(line.text) && !/^\s/.test(item.str)
      line.text += blank ? ` ${item.str}` : item.str
      line.right = Math.max(line.right, left + item.width)
      if (item.str.trim()) line.size = Math.max(line.size, size)
      ended = false
    }
    ended ||= item.hasEOL
  }
  return lines.filter(({ text }) => /\S/.test(text))
}

/** Headers and footers: first and last lines that, but for their digits, stand on most of the pages. */
export function dropRunningLines(pages: PdfLine[][]): PdfLine[][] {
  if (pages.length < 4) return pages
  const key = (line: PdfLine) => line.text.replace(/\d+/g, '#').trim()
  const counts = new Map<string, number>()
  for (const lines of pages) for (const k of new Set(edges(lines).map(key))) counts.set(k, (counts.get(k) ?? 0) + 1)
  const running = (line: PdfLine) =>
    (counts.get(key(line)) ?? 0) >= pages.length * 0.6 && line.text.length < longestHeading
  return pages.map((lines) => {
    const marginal = new Set(edges(lines).filter(running))
    return lines.filter((line) => !marginal.has(line))
  })
}

// A page of few lines may be all that it looks like.
const edges = (lines: PdfLine[]): PdfLine[] => (lines.length < 6 ? [] : [...lines.slice(0, 2), ...lines.slice(-2)])

/** The type size that most characters have. */
export function bodySize(pages: PdfLine[][]): number {
  const weights = new Map<number, number>()
  for (const line of pages.flat()) {
    const size = Math.round(line.size * 2) / 2
    weights.set(size, (weights.get(size) ?? 0) + line.text.length)
  }
  return [...weights].reduce((best, next) => (next[1] > best[1] ? next : best), [0, 0])[0]
}

/** Paragraphs and headings of all pages; larger type in short lines is a heading, its level by the rank of its size. */
export function blocksOfPages(pages: PdfLine[][]): PdfBlock[] {
  const body = bodySize(pages)
  const isHeading = (line: PdfLine) =>
    line.size > body * 1.15 && line.text.trim().length <= longestHeading && /\p{L}/u.test(line.text)
  const rank = (line: PdfLine) => Math.round(line.size)
  const sizes = [...new Set(pages.flat().filter(isHeading).map(rank))].sort((a, b) => b - a)
  const levelOf = (line: PdfLine) => (isHeading(line) ? Math.min(sizes.indexOf(rank(line)) + 1, 6) : null)
  return pages.flatMap((lines, page) => {
    const blocks: PdfBlock[] = []
    lines.forEach((line, i) => {
      const before = lines[i - 1]
      const last = blocks.at(-1)
      const level = levelOf(line)
      if (last && before && last.level === level && continues(before, line, level, lines))
        last.text = join(last.text, line.text)
      else blocks.push({ text: line.text.trim(), level, page: page + 1 })
    })
    return blocks
  })
}

const bullet = /^\s*([-*•·◦▪□○●■◆※▶☞]|\d{1,2}[.)]|[가-하][.)]|\(\d{1,2}\)|[①-⑳])\s/
const sentenceEnd = /[.!?。다요]["'”’)]?\s*$/

function continues(before: PdfLine, line: PdfLine, level: number | null, lines: PdfLine[]): boolean {
  const pitch = before.y - line.y
  const size = Math.max(before.size, line.size)
  // Upwards, or far down: another column or another paragraph.
  if (pitch < 0 || pitch > size * (level ? 1.8 : 2.1) || Math.abs(before.size - line.size) > size * 0.1) return false
  if (level) return true
  if (bullet.test(line.text)) return false
  const edge = Math.max(...lines.map(({ right }) => right))
  const short = before.right < line.left + (edge - line.left) * 0.75
  return !(short && sentenceEnd.test(before.text))
}

/** A word that a hyphen divides at the line's end becomes whole again. */
function join(text: string, next: string): string {
  const rest = next.trim()
  if (/\p{Ll}-$/u.test(text) && /^\p{Ll}/u.test(rest)) return text.slice(0, -1) + rest
  return `${text.trimEnd()} ${rest}`
}
