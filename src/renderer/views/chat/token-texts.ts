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
