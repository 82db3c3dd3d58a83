/** What becomes of arguments before a command sees them. */
import { describe, expect, it } from 'vitest'
import { parseCommand, UsageError } from '../../../src/main/cli/command'
import { chat } from '../../../src/main/cli/commands/generate'
import { search } from '../../../src/main/cli/commands/search'
import { tokenize } from '../../../src/main/cli/commands/tokenize'

describe('texts and numbers may begin with a dash', () => {
  it.each(['-5 + 3', '- milk', '---', '-', '-model', '— so'])('--prompt %j', (text) => {
    expect(parseCommand(chat, ['--prompt', text, '--json']).values.text('prompt')).toBe(text)
  })

  it('numbers below zero', () => {
    const { values } = parseCommand(chat, ['--prompt', 'a', '--presence-penalty', '-0.5', '--frequency-penalty=-1'])
    expect([values.number('presence-penalty'), values.number('frequency-penalty')]).toEqual([-0.5, -1])
  })

  it.each([
    ['the text first', ['-5 + 3', '--model', 'm', '--no-special']],
    ['the text last', ['--model', 'm', '--no-special', '-5 + 3']],
    ['the text after --', ['--model', 'm', '--no-special', '--', '-5 + 3']],
  ])('a positional text: %s', (_, args) => {
    const { values, positionals } = parseCommand(tokenize, args)
    expect({ positionals, model: values.text('model'), bare: values.flag('no-special') }).toEqual({
      positionals: ['-5 + 3'],
      model: 'm',
      bare: true,
    })
  })

  it('an option of one letter stays one', () => {
    const { values, positionals } = parseCommand(search, ['-k', '3', '-query', '--collection', 'c'])
    expect([values.text('k'), positionals]).toEqual(['3', ['-query']])
  })
})

describe('what looks like an option is one', () => {
  it.each([
    ['a value that was forgotten', chat, ['--prompt', '--json']],
    ['a value that was forgotten before a misspelt option', chat, ['--prompt', '--sytem', 'x']],
    ['a misspelt option', tokenize, ['--modle', 'm', 'text']],
    ['an option without its value at the end', chat, ['--prompt', 'a', '--seed']],
  ] as const)('%s', (_, command, args) => {
    expect(() => parseCommand(command, [...args])).toThrow(UsageError)
  })
})
