/** Finding a passage in its document, and the part of a long document that is drawn around it. */

/** Characters that are drawn before and after what is marked, and how many each "more" adds. */
const around = 20_000

export interface Range {
  start: number
  end: number
}

/**
 * Where a passage lies in the text as it is now: at its place where that still holds its words, else wherever they are.
 * A passage may carry its table's header in front, which stands elsewhere. Null where it is gone.
 */
export function placeIn(text: string, passage: { text: string; place: Range }): Range | null {
  const { start, end } = passage.place
  const there = text.slice(start, end)
  if (there !== '' && passage.text.endsWith(there)) return { start, end }
  const found = text.indexOf(passage.text)
  return found < 0 || passage.text === '' ? null : { start: found, end: found + passage.text.length }
}

/** The part of the text that is drawn: whole lines around the mark, so many steps more before and after. */
export function windowOf(text: string, start: number, end: number, more: { before: number; after: number }) {
  const wantedFrom = start - around * (more.before + 1)
  const wantedTo = end + around * (more.after + 1)
  const from = wantedFrom <= 0 ? 0 : text.lastIndexOf('\n', wantedFrom) + 1
  const lineEnd = wantedTo >= text.length ? -1 : text.indexOf('\n', wantedTo)
  // A line may be as long as the document: then it is cut.
  const to = wantedTo >= text.length ? text.length : lineEnd < 0 || lineEnd > wantedTo + around ? wantedTo : lineEnd
  return { from: Math.max(from, wantedFrom - around), to }
}
