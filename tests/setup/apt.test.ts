import { expect, it } from 'vitest'
import { backportsSource } from '../../scripts/apt.mjs'

const configured = `Packages bookworm bookworm http://mirror.example/debian/
DEP-11 bookworm bookworm http://mirror.example/debian/
Packages bookworm-updates bookworm-updates http://mirror.example/debian/
Packages bookworm-security bookworm-security http://mirror.example/debian-security/
`

it('takes backports from the mirror that the release comes from', () => {
  expect(backportsSource(configured, 'bookworm-backports')).toBe('http://mirror.example/debian/')
})

it('knows the release by its code name where sources call it oldstable', () => {
  expect(backportsSource('Packages bookworm oldstable http://mirror.example/debian/', 'bookworm-backports')).toBe(
    'http://mirror.example/debian/',
  )
})

it('adds nothing where backports are configured, under either name', () => {
  for (const row of ['bookworm-backports bookworm-backports', 'bookworm-backports oldstable-backports'])
    expect(
      backportsSource(`${configured}Packages ${row} http://mirror.example/debian/`, 'bookworm-backports'),
    ).toBeNull()
})

it('adds nothing where no mirror is known', () => {
  expect(backportsSource('', 'bookworm-backports')).toBeNull()
  expect(backportsSource(configured, 'trixie-backports')).toBeNull()
})
