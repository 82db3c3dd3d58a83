/** The shell in a real Electron: that what its unit tests check against a fake holds in the real thing. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { _electron } from 'playwright-core'
import { expect, it, onTestFinished } from 'vitest'
import { findElectron } from '../../scripts/electron.mjs'
import { hasDisplay } from '../../scripts/start-mode.mjs'

const root = join(import.meta.dirname, '../..')
const binary = findElectron()
const missing =
  binary === null ? 'Electron’s binary is not installed' : hasDisplay(process) ? null : 'there is no display'

it.skipIf(missing !== null)(
  `opens a sandboxed window that reaches the host${missing ? ` (SKIPPED: ${missing})` : ''}`,
  async () => {
    const profile = mkdtempSync(join(tmpdir(), 'moru-electron-'))
    onTestFinished(() => rmSync(profile, { recursive: true, force: true }))
    const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
    const app = await _electron.launch({ executablePath: binary!, args: [...sandbox, root, '--profile', profile] })
    onTestFinished(() => app.close())
    const page = await app.firstWindow()
    expect(page.url()).toMatch(/^app:\/\/moru\//)
    await page.waitForFunction(
      () => new Promise((resolve) => window.moru?.onHostState((state) => state === 'ready' && resolve(true))),
    )
    const settings = await page.evaluate(
      () =>
        new Promise((resolve) => {
          window.moru!.onFrame((frame) => frame.id === 900_001 && resolve(frame))
          window.moru!.send({ type: 'request', id: 900_001, route: 'settings.get', input: {} })
        }),
    )
    expect(settings).toMatchObject({ type: 'result', value: { theme: 'system' } })
    const outside = await page.evaluate(async () => ({
      require: typeof (window as { require?: unknown }).require,
      process: typeof (window as { process?: unknown }).process,
      opened: window.open('https://example.invalid/') === null,
      fetched: await fetch('https://example.invalid/').then(
        () => 'sent',
        () => 'refused',
      ),
      microphone: await navigator.mediaDevices.getUserMedia({ audio: true }).then(
        () => 'granted',
        () => 'refused',
      ),
    }))
    expect(outside).toEqual({
      require: 'undefined',
      process: 'undefined',
      opened: true,
      fetched: 'refused',
      microphone: 'refused',
    })
  },
)
