import { expect, test } from 'vitest'
import { en } from '../../src/renderer/locales/en'
import { ko } from '../../src/renderer/locales/ko'

type Tree = { [key: string]: string | Tree }
const flat = (tree: Tree, path = ''): [string, string][] =>
  Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [[`${path}${key}`, value] as [string, string]] : flat(value, `${path}${key}.`),
  )
const english = new Map(flat(en))
const korean = new Map(flat(ko))

/** Names and signs that are written alike in both languages. */
const alike = new Set([
  'profile.batch.predicted',
  'profile.column.bandwidth',
  'profile.column.intensity',
  'profile.column.rate',
  'profile.lane.gpu',
  'profile.us',
  'settings.languages.en',
  'settings.languages.ko',
])

test('both languages have the same keys, none empty', () => {
  expect([...korean.keys()].sort()).toEqual([...english.keys()].sort())
  for (const [key, text] of [...english, ...korean]) expect(text.trim(), key).not.toBe('')
})

test('every Korean text is in Korean and every English one is not', () => {
  for (const [key, text] of korean)
    if (!alike.has(key))
      expect(/[가-힣]/.test(text) || !/[a-z]{3}/i.test(text.replace(/\{\w+\}/g, '')), `${key}: ${text}`).toBe(true)
  for (const [key, text] of english) if (!alike.has(key)) expect(/[가-힣]/.test(text), `${key}: ${text}`).toBe(false)
  for (const [key, text] of korean) if (!alike.has(key)) expect(text, key).not.toBe(english.get(key))
})

test('both languages fill in the same values and offer the same number of forms', () => {
  const values = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort()
  for (const [key, text] of english) {
    expect(values(korean.get(key) ?? ''), key).toEqual(values(text))
    expect((korean.get(key) ?? '').split(' | ').length, key).toBe(text.split(' | ').length)
  }
})

test('no particle that depends on the last sound follows a value', () => {
  const dependent = /\{\w+\}(을|를|이|가|은|는|과|와|으로|로|이나|나|아|야|이라|라)(?![가-힣])/
  for (const [key, text] of korean) expect(dependent.test(text), `${key}: ${text}`).toBe(false)
})

test('every text that the sources ask for exists, and every text is asked for', () => {
  const sources = Object.values(
    import.meta.glob<string>('../../src/renderer/**/*.{vue,ts}', { query: '?raw', import: 'default', eager: true }),
  ).join('\n')
  const asked = [...sources.matchAll(/\bt\(\s*'([\w.]+)'/g)].map((match) => match[1])
  expect(asked.length).toBeGreaterThan(150)
  for (const key of asked) expect(english.has(key), key).toBe(true)
  // Keys put together at run time: `error.${code}.title` stands for all that begin with 'error.'.
  const open = [...sources.matchAll(/`([a-z]\w*(?:\.\w+)*)\.\$\{/g)].map((match) => `${match[1]}.`)
  const quoted = new Set([...sources.matchAll(/'([a-z]\w*(?:\.\w+)+)'/g)].map((match) => match[1]))
  for (const key of english.keys())
    expect(quoted.has(key) || open.some((start) => key.startsWith(start)), `${key} is used`).toBe(true)
})
