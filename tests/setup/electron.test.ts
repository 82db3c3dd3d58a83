import { expect, it } from 'vitest'
import { findElectron } from '../../scripts/electron.mjs'
import { put, temporaryFolder } from './temporary'

it("finds Electron's binary only where it is whole and of the package's version", () => {
  const folder = temporaryFolder()
  put(folder, 'package.json', '{"version":"45.4.1"}')
  expect(findElectron(folder)).toBeNull()
  put(folder, 'dist/version', '45.4.1')
  expect(findElectron(folder)).toBeNull()
  put(folder, 'path.txt', 'electron')
  expect(findElectron(folder)).toBeNull()
  const binary = put(folder, 'dist/electron', 'ELF')
  expect(findElectron(folder)).toBe(binary)
  put(folder, 'dist/version', 'v45.0.0')
  expect(findElectron(folder)).toBeNull()
})
