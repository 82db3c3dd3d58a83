/** What a process prints, line by line and without keys and tokens: a crash prints whatever was at hand. */
import { defaultRedactions, redactor } from '../../shared/redaction'

const clean = redactor(defaultRedactions)
/** A line without an end goes on after so many characters. */
const longestLine = 1_000_000

/** Cleans each whole line and hands it to `write`. Secrets are not cut in two by the border of a chunk. */
export function cleanLines(write: (text: string) => void): { push(chunk: Uint8Array): void; end(): void } {
  const decoder = new TextDecoder()
  let rest = ''
  return {
    push(chunk) {
      rest += decoder.decode(chunk, { stream: true })
      const end = rest.length > longestLine ? rest.length : rest.lastIndexOf('\n') + 1
      if (end === 0) return
      write(clean(rest.slice(0, end)))
      rest = rest.slice(end)
    },
    end() {
      rest += decoder.decode()
      if (rest !== '') write(`${clean(rest)}\n`)
      rest = ''
    },
  }
}
