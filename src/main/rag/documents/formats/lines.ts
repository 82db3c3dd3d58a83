export interface Line {
  text: string
  start: number
  /** Before its line end. */
  end: number
}

/** The lines of a text whose line ends are \n. */
export function linesOf(text: string): Line[] {
  const lines: Line[] = []
  for (let start = 0; start <= text.length;) {
    const found = text.indexOf('\n', start)
    const end = found < 0 ? text.length : found
    lines.push({ text: text.slice(start, end), start, end })
    start = end + 1
  }
  return lines
}

export const isBlank = (line: Line | undefined): boolean => !line || !/\S/.test(line.text)
