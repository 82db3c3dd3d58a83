/** Progress on standard error. */

/** Where lines cannot be overwritten, one this often shows that work goes on. */
const lineEveryMs = 5000

export interface ProgressLine {
  show(line: string): void
  note(line: string): void
  clear(): void
}

/** One line that is rewritten in place on a terminal; elsewhere, a line now and then. */
export function progressLine(stream: NodeJS.WriteStream = process.stderr): ProgressLine {
  const terminal = stream.isTTY === true
  let shown = false
  let writtenAt = performance.now()
  const clear = () => {
    if (shown) stream.write('\r\x1b[2K')
    shown = false
  }
  return {
    clear,
    show: (line) => {
      if (terminal) {
        clear()
        stream.write(line.slice(0, Math.max(20, stream.columns - 1)))
        shown = true
      } else if (performance.now() - writtenAt >= lineEveryMs) {
        stream.write(`${line}\n`)
        writtenAt = performance.now()
      }
    },
    note: (line) => {
      clear()
      stream.write(`${line}\n`)
      writtenAt = performance.now()
    },
  }
}
