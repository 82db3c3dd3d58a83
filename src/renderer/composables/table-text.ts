/** A table of figures: what a chart draws, for those who read it, and for other programs. */
export interface FigureTable {
  columns: string[]
  rows: (string | number | null)[][]
}

const cell = (value: string | number | null) => (value === null ? '' : String(value))

/** RFC 4180. A byte-order mark lets spreadsheets see that it is UTF-8. */
export function toCsv({ columns, rows }: FigureTable): string {
  const quote = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  return `\ufeff${[columns, ...rows].map((row) => row.map((v) => quote(cell(v))).join(',')).join('\r\n')}\r\n`
}

export function toMarkdown({ columns, rows }: FigureTable): string {
  const line = (row: (string | number | null)[]) =>
    `| ${row.map((v) => cell(v).replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line), ''].join('\n')
}
