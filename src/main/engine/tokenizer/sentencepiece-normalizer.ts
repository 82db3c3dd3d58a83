import { type Charsmap } from './charsmap'

/** SentencePiece's stand-in for a space. */
export const meta = '▁'

export interface SpacingRules {
  charsmap: Charsmap | null
  /** A space before the text: 'never', before the first piece of text only, or after every control token too; or one behind it. */
  prefix: 'never' | 'first' | 'always' | 'behind'
  /** Runs of spaces become one; leading and trailing ones go. */
  removeExtra: boolean
}

/** A text as SentencePiece's models see it: rules applied, spaces as ▁. `first`: whether nothing stands before it. */
export function normalizeSpacing(text: string, rules: SpacingRules, first: boolean): string {
  let normal = text.toWellFormed()
  if (rules.charsmap) normal = rules.charsmap.apply(normal)
  if (rules.removeExtra) {
    normal = normal.replace(/ {2,}/g, ' ')
    normal = normal.slice(normal.startsWith(' ') ? 1 : 0, normal.length > 1 && normal.endsWith(' ') ? -1 : undefined)
  }
  if (normal === '') return ''
  if (rules.prefix === 'always' || (rules.prefix === 'first' && first)) normal = ` ${normal}`
  normal = normal.replaceAll(' ', meta)
  // Stand-ins for spaces that the text had itself go too.
  if (rules.removeExtra) normal = normal.replace(/▁+$/, '')
  return rules.prefix === 'behind' ? normal + meta : normal
}

/** Bytes of a SentencePiece token in running text. */
export function spellPiece(token: string): Uint8Array {
  return new TextEncoder().encode(token.replaceAll(meta, ' '))
}
