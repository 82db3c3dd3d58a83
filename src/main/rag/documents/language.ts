export type Language = 'ko' | 'en' | 'other'

const sampleLength = 200_000

/**
 * The language by its letters. A Hangul syllable weighs as much as two Latin letters: it says about as much, and Korean
 * technical prose is full of Latin names. Latin letters are taken for English, everything else and nothing for other.
 */
export function languageOf(text: string): Language {
  const [hangul, latin, foreign] = countLetters(text.length > sampleLength ? text.slice(0, sampleLength) : text)
  const all = 2 * hangul + latin + 2 * foreign
  if (all === 0) return 'other'
  if ((2 * hangul) / all >= 0.3) return 'ko'
  return latin / all >= 0.5 ? 'en' : 'other'
}

function countLetters(text: string): [hangul: number, latin: number, foreign: number] {
  let hangul = 0
  let latin = 0
  let foreign = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if ((c >= 0x61 && c <= 0x7a) || (c >= 0x41 && c <= 0x5a)) latin++
    else if (c < 0xaa) continue
    else if ((c >= 0xac00 && c <= 0xd7a3) || (c >= 0x1100 && c <= 0x11ff) || (c >= 0x3131 && c <= 0x318e)) hangul++
    else if (c <= 0x24f) latin++
    else if (letter.test(text[i])) foreign++
  }
  return [hangul, latin, foreign]
}

// Surrogates are letters only in pairs; the scripts beyond the first plane do not decide anything here.
const letter = /\p{L}/u
