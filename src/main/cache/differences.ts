/**
 * Why two questions that embeddings find alike may still want different answers: other numbers, other names, a negation,
 * another language, another thing asked for. Embeddings hardly see these.
 */
const negations =
  /\b(not|no|never|none|nobody|nothing|neither|nor|without|except|excluding|cannot|unable)\b|n['’]t\b|(^|\s)(안|못)\s|않|없|아니|아닌|말고|제외|빼고|못하|못한/giu

/** Words of which one is not the other; each list is one axis, its entries the ends. */
const opposites: RegExp[][] = [
  [/\b(more|most|highest|largest|biggest|longest|oldest|maximum|max|above|over|at least)\b|이상|최대|가장 (높|큰|많|긴|오래)|초과/iu,
   /\b(less|least|fewer|fewest|lowest|smallest|shortest|youngest|minimum|min|below|under|at most)\b|이하|최소|가장 (낮|작|적|짧)|미만/iu],
  [/\b(before|earlier|first|begin|began|start|started|open|opened)\b|이전|처음|시작|먼저|최초/iu, /\b(after|later|last|end|ended|finish|finished|close|closed)\b|이후|마지막|끝|종료|최후/iu],
  [/\b(increase|increased|rise|rose|enable|allow|add|win|won|buy|import)\b|증가|상승|허용|추가|이긴|승리|수입/iu,
   /\b(decrease|decreased|fall|fell|disable|forbid|remove|lose|lost|sell|export)\b|감소|하락|금지|삭제|패배|진 |수출/iu],
] // prettier-ignore

/** What is asked for, by the word that asks. */
const asked: [string, RegExp][] = [
  ['quantity', /\bhow (many|much|long|far|old|big|tall|high|large|often)\b|얼마|몇|어느 정도/iu],
  ['person', /\b(who|whom|whose)\b|누구|누가/iu],
  ['time', /\b(when|what (year|date|time|day|month))\b|언제|어느 해|며칠/iu],
  ['place', /\bwhere\b|어디/iu],
  ['reason', /\bwhy\b|왜|이유|까닭/iu],
  ['manner', /\bhow\b|어떻게|방법/iu],
]

const words = /[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}'’.-]*/gu

/** A reason why an answer to `before` must not answer `now`; null when none was found. */
export function differenceOf(before: string, now: string): string | null {
  const [a, b] = [before.normalize('NFC'), now.normalize('NFC')]
  if (scriptOf(a) !== scriptOf(b)) return 'language'
  if (list(numbersOf(a)) !== list(numbersOf(b))) return 'numbers'
  if (list(namesOf(a)) !== list(namesOf(b))) return 'names'
  if ((a.match(negations)?.length ?? 0) % 2 !== (b.match(negations)?.length ?? 0) % 2) return 'negation'
  if (
    opposites.some(
      (ends) => list(ends.map((end) => String(end.test(a)))) !== list(ends.map((end) => String(end.test(b)))),
    )
  )
    return 'direction'
  const askedIn = (text: string) => list(asked.filter(([, pattern]) => pattern.test(text)).map(([name]) => name))
  return askedIn(a) !== askedIn(b) ? 'what is asked for' : null
}

const list = (items: string[]) => items.join('\n')

/** Which writing the question is in: the same words in another one are another question to most models. */
export function scriptOf(text: string): string {
  if (/\p{sc=Hangul}/u.test(text)) return 'hangul'
  if (/[\p{sc=Hiragana}\p{sc=Katakana}]/u.test(text)) return 'kana'
  if (/\p{sc=Han}/u.test(text)) return 'han'
  return /\p{sc=Latin}/u.test(text) ? 'latin' : 'other'
}

/** In their order: from 3 to 5 is not from 5 to 3. Written-out ones count as well. */
function numbersOf(text: string): string[] {
  const spelled =
    '\\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|hundred|thousand|million|billion|twice|half|second|third|fourth|fifth)\\b'
  const korean =
    '(?:하나|둘째|셋째|넷째|첫째|두 번|세 번|네 번|절반|[일이삼사오육칠팔구십백천만억]+(?=\\s?(?:년|월|일|개|명|번|세기|차|위|호|원)))'
  return text.toLowerCase().match(new RegExp(`\\d+(?:[.,:/-]\\d+)*|${spelled}|${korean}`, 'gu')) ?? []
}

/** Words with a capital inside a sentence, Latin words in text of another script, quotations; in their order, lower-cased. */
function namesOf(text: string): string[] {
  const foreign = scriptOf(text) !== 'latin'
  const quoted = [...text.matchAll(/["“”'‘’「『《<]([^"“”'‘’」』》>]{1,80})["“”'‘’」』》>]/gu)].map((match) =>
    match[1].trim(),
  )
  const names = [...text.matchAll(words)].flatMap(({ 0: word, index }) => {
    const bare = word.replace(/['’]s$|[.'’-]+$/u, '')
    if (foreign) return /\p{sc=Latin}/u.test(word) ? (bare.match(/[\p{sc=Latin}\d.-]+/gu) ?? []) : []
    // The first word has a capital whatever it is, but two in it make a name of it.
    const capital = index === 0 ? /\p{Lu}.*\p{Lu}/u : /\p{Lu}/u
    return capital.test(bare) && bare !== 'I' ? [bare] : []
  })
  return [...names, ...quoted].map((name) => name.toLowerCase())
}
