/** docs/cli.md names every command and option that there is. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { commonOptions } from '../../../src/main/cli/command'
import { commands } from '../../../src/main/cli/commands'

const text = readFileSync(join(import.meta.dirname, '../../../docs/cli.md'), 'utf8')
/** The text under each heading of the second level. */
const sections = new Map(
  text.split(/^## /m).slice(1).map((part) => [part.slice(0, part.indexOf('\n')), part]),
) // prettier-ignore

it.each(commands.map(({ name, options }) => ({ name, options })))('moru $name', ({ name, options }) => {
  const section = sections.get(`moru ${name}`)
  expect(section).toBeDefined()
  // Options that several commands share stand once, in sections of their own.
  const shared = `${sections.get('Sampling options')}${sections.get('Loading options')}`
  for (const option of Object.keys(options))
    expect(section!.includes(`--${option}`) || shared.includes(`\`--${option}`), `--${option} of ${name}`).toBe(true)
})

it('names the options that every command takes', () => {
  for (const option of Object.keys(commonOptions)) expect(text).toContain(`--${option}`)
})

it('has no command that there is not', () => {
  const documented = [...sections.keys()].filter((title) => title.startsWith('moru ')).map((title) => title.slice(5))
  expect(documented.sort()).toEqual(commands.map(({ name }) => name).sort())
})
