/** What of a text says what it is about: its terms without the words that any question or sentence may hold. */
import { termsOf } from '../search/terms'

const english = `a an the this that these those it its he she they them his her their we our you your i me my of in on at to for from by with
  about into over after before between and or but if then than as so not no is are was were be been being am do does did done doing have has
  had having will would can could shall should may might must what which who whom whose when where why how many much long often there here
  please tell explain describe give show list name me according document documents passage passages text say says said mean means question answer`

const korean = `무엇 무엇인가 무엇인가요 무엇입니까 무엇이 무엇을 뭐야 뭔가요 뭐지 누구 누구인가 누구인가요 누구입니까 누가 언제 언제인가 언제인가요 어디 어디인가
  어디인가요 어디서 어디에서 어디에 어떻게 어떤 어느 왜 얼마 얼마나 얼마인가 얼마인가요 몇 무슨 있는가 있나요 있습니까 있었나 하는가 하나요 합니까
  했는가 했나요 했습니까 되는가 되나요 됩니까 되었는가 되었나요 인가 인가요 입니까 이었나요 알려줘 알려주세요 말해줘 설명해줘 설명해주세요 대해 대하여
  대한 관해 관한 것은 것인가 것이 경우 이름은 때문 때문에 위해 위한 통해 그리고 그러나 또는 이것 그것 저것 여기 거기 문서 질문 대답 답변 있다 있는
  하는 한다 했다 이다 되는 된다 그는 그의 그가`

const empty = new Set([...termsOf(english), ...termsOf(korean)])

/** Distinct terms that carry meaning, in their order. */
export function contentTerms(text: string): string[] {
  return [...new Set(termsOf(text))].filter((term) => !empty.has(term))
}

/** The share of `terms` that `text` has, 0 to 1; a number counts three times, for it is never there by chance. 0 for no terms. */
export function coverage(terms: readonly string[], text: string): number {
  if (terms.length === 0) return 0
  const there = new Set(termsOf(text))
  let found = 0
  let total = 0
  for (const term of terms) {
    const weight = /\d/.test(term) ? 3 : 1
    total += weight
    if (there.has(term)) found += weight
  }
  return found / total
}
