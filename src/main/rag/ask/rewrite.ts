/** A follow-up question made to stand alone, so that it can be searched for. */
import { type TextModel } from '../../text'
import { scriptOf } from '../../cache'
import { tracedGeneration } from '../../trace'
import { contentTerms } from './question-words'

export interface HistoryMessage {
  role: 'user' | 'assistant'
  content: string
}

/** Fewer meaningful words leave open what is asked about. */
const enoughTerms = 3
/** Points back to what was said before. */
const pointsBack =
  /\b(it|its|they|them|their|he|she|him|his|her|hers|this|that|these|those|there|one|ones|same|other|former|latter|else|above|also|too)\b|^(and|but|so|or|then|why|what about|how about)\b|그(것|거|게|건|걸|곳|때|는|가|의|를|런|럼|리고|러면|렇|녀|들)|이(것|거|게|건|걸|곳|때|는|런|들)\s|저것|거기|여기서?|방금|앞에서|위에서|또\s|다른|(은|는)요\?/iu
const mostTokens = 64
const mostLength = 400
const examples =
  'Rewrite the last question so that it can be understood without the conversation. Keep its language. Write only the question.\n\n' +
  'Conversation:\nUser: Who wrote Hamlet?\nAssistant: William Shakespeare.\nLast question: When was he born?\nQuestion: When was William Shakespeare born?\n\n' +
  '대화:\nUser: 세종대왕은 언제 즉위했나요?\nAssistant: 1418년에 즉위했습니다.\nLast question: 그의 아버지는 누구인가요?\nQuestion: 세종대왕의 아버지는 누구인가요?\n\n'

/** Whether a question needs what was said before to be understood. */
export function dependsOnHistory(question: string, history: readonly HistoryMessage[]): boolean {
  if (!history.some(({ role }) => role === 'user')) return false
  return pointsBack.test(question) || contentTerms(question).length < enoughTerms
}

/** The last question before and this one, as one text: what a search finds words of both in. */
export function joined(question: string, history: readonly HistoryMessage[]): string {
  const before = history.findLast(({ role }) => role === 'user')?.content ?? ''
  return `${before.trim().slice(-mostLength)} ${question.trim()}`.trim()
}

/**
 * By the model where it does well, else by joining. A rewritten question is taken only when it keeps the question's numbers
 * and writing and says nothing that neither the question nor the conversation says: small models like to make things up.
 */
export async function rewriteQuestion(
  model: TextModel,
  question: string,
  history: readonly HistoryMessage[],
  signal: AbortSignal,
): Promise<{ question: string; byModel: boolean }> {
  const written = model.template ? await writtenBy(model, question, history, signal) : ''
  if (isFaithful(written, question, history)) return { question: written, byModel: true }
  return { question: joined(question, history), byModel: false }
}

async function writtenBy(model: TextModel, question: string, history: readonly HistoryMessage[], signal: AbortSignal) {
  const recent = history.slice(-4).map(({ role, content }) => {
    const speaker = role === 'user' ? 'User' : 'Assistant'
    return `${speaker}: ${content.replace(/\s+/g, ' ').slice(0, mostLength)}`
  })
  const content = `${examples}Conversation:\n${recent.join('\n')}\nLast question: ${question}\nQuestion:`
  const { ids } = model.template!.encode([{ role: 'user', content }], {
    addGenerationPrompt: true,
    variables: { enable_thinking: false },
  })
  if (ids.length + mostTokens > model.contextLength) return ''
  let text = ''
  const request = { promptIds: ids, sampling: { ...greedy, maxTokens: mostTokens }, logprobs: null, signal }
  for await (const event of tracedGeneration(model.generate(request))) if (event.kind !== 'prefill') text += event.text
  return firstLine(text)
}

const greedy = {
  temperature: 0, topK: 0, topP: 1, minP: 0, typicalP: 1, repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0,
  logitBias: {}, seed: 0, stop: ['\n\n'],
} // prettier-ignore

const firstLine = (text: string) =>
  (text.trim().split('\n')[0] ?? '')
    .replace(/^(question|last question|질문)\s*:\s*/i, '')
    .replace(/^["“](.*)["”]$/, '$1')
    .trim()

/** Whether a rewritten question is one, and asks what was asked. */
export function isFaithful(written: string, question: string, history: readonly HistoryMessage[]): boolean {
  if (written === '' || written.length > mostLength || scriptOf(written) !== scriptOf(question)) return false
  const numbers = (text: string): string[] => text.match(/\d+/g) ?? []
  if (numbers(question).some((number) => !numbers(written).includes(number))) return false
  const terms = contentTerms(written)
  const own = contentTerms(question)
  const said = new Set([...own, ...history.flatMap(({ content }) => contentTerms(content))])
  const kept = own.filter((term) => terms.includes(term)).length
  // Something has to be added: a question that came back as it was still leaves open what it is about.
  const adds = terms.some((term) => !own.includes(term))
  return terms.length > 0 && adds && kept * 2 >= own.length && terms.every((term) => said.has(term))
}
