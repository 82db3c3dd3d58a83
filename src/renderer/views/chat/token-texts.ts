import { type TokenDetail } from '../../../shared/contract/sampling'

const pieces = /^(?:<0x[0-9A-F]{2}>)+$/
/** Stands where a piece of a character is, until the piece that completes it. */
const openPiece = '·'

/**
 * What to show for each token of a text: mostly its own text. Where several tokens make up one character (common in
 * Hangul), the last of them shows the character and those before it a dot.
 */
export function tokenTexts(tokens: readonly TokenDetail[]): string[] {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let held: number[] = []
  return tokens.map(({ text }) => {
    if (!pieces.test(text)) {
      held = []
      return text
    }
    held.push(...Array.from(text.matchAll(/<0x(..)>/g), (match) => Number.parseInt(match[1], 16)))
    try {
      const whole = decoder.decode(new Uint8Array(held))
      held = []
      return whole
    } catch {
      return held.length < 4 ? openPiece : text
    }
  })
}

/** What stands in `text` before the first of its tokens that were kept: after an interruption, the part written before. */
export function textBefore(text: string, shown: readonly string[]): string {
  // The last token may be one that ends the answer and is no part of its text.
  const kept = shown
    .slice(0, -1)
    .filter((piece) => piece !== openPiece)
    .join('')
  const at = kept === '' ? -1 : text.indexOf(kept)
  return at > 0 ? text.slice(0, at) : ''
}
