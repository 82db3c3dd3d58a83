/** Marks that make one character with what stands before them, a blank included. */
const combining = /^[\p{M}\u200c\u200d]/u

/** Whether what begins at `at` combines with the character before it. */
export const combines = (text: string, at: number): boolean => combining.test(text.slice(at, at + 2))

/** The first offset from `from` that is no blank; a blank that a mark combines with is none. */
export function skipBlanks(text: string, from: number, end: number): number {
  let at = from
  while (at < end && /\s/.test(text[at])) at++
  return at > from && at < end && text[at - 1] !== '\n' && combines(text, at) ? at - 1 : at
}

/** The end of text.slice(from, end) without blanks. */
export function trimBlanks(text: string, from: number, end: number): number {
  let at = end
  while (at > from && /\s/.test(text[at - 1])) at--
  return at
}
