import { describe, expect, it } from 'vitest'
import { AnswerCache, type AnswerContext, differenceOf } from '../../../../src/main/cache'
import { temporaryStore } from '../../store/temporary-profile'

const context: AnswerContext = {
  model: 'm', sampling: { temperature: 0, seed: null }, template: 1, collections: [{ id: 'c', version: 3 }], rest: null,
} // prettier-ignore
const vector = (x: number, y: number) => ({ key: 'e', values: Float32Array.of(x, y).map((v) => v / Math.hypot(x, y)) })
const entry = (question: string, x: number, y: number, answer: unknown = question) => ({
  asked: { question }, question, vector: vector(x, y), answer, elapsedMs: 500,
}) // prettier-ignore
const any = { spread: 1, accept: (_answer: unknown): boolean => true }

describe('the answer cache', () => {
  it('finds the same question in the same circumstances alone', () => {
    const cache = new AnswerCache(temporaryStore())
    cache.save(context, entry('who?', 1, 0, { text: 'I' }))
    expect(cache.findExact(context, { question: 'who?' })).toMatchObject({
      kind: 'exact',
      answer: { text: 'I' },
      savedMs: 500,
    })
    // The order of keys is no difference; everything else is.
    expect(
      cache.findExact({ ...context, sampling: { seed: null, temperature: 0 } }, { question: 'who?' }),
    ).not.toBeNull()
    for (const other of [
      { ...context, model: 'n' },
      { ...context, sampling: { temperature: 0, seed: 1 } },
      { ...context, template: 2 },
      { ...context, collections: [{ id: 'c', version: 4 }] },
      { ...context, rest: 'history' },
    ])
      expect(cache.findExact(other, { question: 'who?' })).toBeNull()
    expect(cache.findExact(context, { question: 'who' })).toBeNull()
    expect(cache.stats()).toMatchObject({ entries: 1, exactHits: 2, similarHits: 0, savedMs: 1000 })
  })

  it('finds the nearest similar question within the distance, counted in the spread of the model', () => {
    const cache = new AnswerCache(temporaryStore())
    cache.save(context, entry('Who built the bridge?', 1, 0.3))
    cache.save(context, entry('Who made the bridge?', 1, 0.1))
    const find = (x: number, y: number, options = any) =>
      cache.findSimilar(context, 'Who constructed the bridge?', vector(x, y), options)
    expect(find(1, 0)).toMatchObject({ kind: 'similar', question: 'Who made the bridge?' })
    expect(find(1, 0, { ...any, accept: (answer: unknown) => answer !== 'Who made the bridge?' })?.question).toBe(
      'Who built the bridge?',
    )
    expect(find(0, 1)).toBeNull()
    // 45 degrees from (1, 0.1): a distance of about 0.22.
    expect(find(1, 0.9)?.question).toBe('Who built the bridge?')
    expect(find(1, 0.9, { ...any, spread: 0.2 })).toBeNull()
    const otherModel = { ...vector(1, 0), key: 'f' }
    expect(cache.findSimilar(context, 'Who made the bridge?', otherModel, any)).toBeNull()
    expect(cache.findSimilar({ ...context, model: 'n' }, 'Who made the bridge?', vector(1, 0), any)).toBeNull()
  })

  it('lets go what is old, what was not used for longest, and what a removed collection answered', () => {
    const store = temporaryStore()
    const large = 'x'.repeat(1000)
    const cache = new AnswerCache(store, () => ({ sizeBytes: 2500 }))
    cache.save(context, entry('one', 1, 0, large))
    cache.save(context, entry('two', 1, 0, large))
    cache.findExact(context, { question: 'one' })
    // Times are kept in milliseconds.
    const until = Date.now() + 2
    while (Date.now() < until);
    cache.findExact(context, { question: 'one' })
    cache.save(context, entry('three', 1, 0, large))
    expect(['one', 'two', 'three'].map((question) => cache.findExact(context, { question }) !== null)).toEqual([
      true,
      false,
      true,
    ])
    expect(new AnswerCache(store, () => ({ ageMs: -1 })).findExact(context, { question: 'one' })).toBeNull()
    cache.forget('another')
    expect(cache.stats().entries).toBe(2)
    cache.forget('c')
    expect(cache.stats()).toMatchObject({ entries: 0, sizeBytes: 0 })
    cache.clear()
    expect(cache.stats()).toMatchObject({ exactHits: 0, misses: 0, savedMs: 0 })
  })
})

describe('questions that are alike but not the same', () => {
  it.each([
    ['How many people live in Seoul?', '서울에는 몇 명이 사나요?', 'language'],
    ['What was the revenue in 2021?', 'What was the revenue in 2022?', 'numbers'],
    ['How do I move from 3 to 5?', 'How do I move from 5 to 3?', 'numbers'],
    ['서울시 예산은 2023년에 얼마인가요?', '서울시 예산은 2024년에 얼마인가요?', 'numbers'],
    ['What is the capital of France?', 'What is the capital of Germany?', 'names'],
    ['API 서버를 설정하는 방법', 'CLI 서버를 설정하는 방법', 'names'],
    ['Which foods are allowed?', 'Which foods are not allowed?', 'negation'],
    ['회의에 참석한 사람은 누구인가요?', '회의에 참석하지 않은 사람은 누구인가요?', 'negation'],
    ['Which city has the highest rent?', 'Which city has the lowest rent?', 'direction'],
    ['온도가 30도 이상이면 어떻게 하나요?', '온도가 30도 이하이면 어떻게 하나요?', 'direction'],
    ['When was the bridge built?', 'Where was the bridge built?', 'what is asked for'],
    ['축제는 언제 열리나요?', '축제는 어디서 열리나요?', 'what is asked for'],
  ])('%s / %s', (a, b, difference) => {
    expect(differenceOf(a, b)).toBe(difference)
    expect(differenceOf(b, a)).toBe(difference)
  })
  it.each([
    ['Who built the stone bridge?', 'By whom was the stone bridge built?'],
    ['How do I reset the password?', 'How can I reset my password'],
    ['다리는 누가 지었나요?', '다리를 지은 사람은 누구인가요?'],
  ])('%s / %s mean the same', (a, b) => expect(differenceOf(a, b)).toBeNull())
})
