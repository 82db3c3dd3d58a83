/** Electron's entry: finds the profile and the host's Node, and hands over to the shell. */
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import * as electron from 'electron'
import { toMoruError } from '../shared/errors'
import { defaultProfileDirectory } from '../shared/profile-directory'
import { appScheme } from './shell/app-protocol'
import { runShell } from './shell/application'
import { findNode } from './supervisor/find-node'
import { Supervisor } from './supervisor/supervisor'

const { app, dialog, protocol } = electron

// Chromium has arguments of its own: what is not ours is let through.
const { values } = parseArgs({ args: process.argv.slice(1), options: { profile: { type: 'string' } }, strict: false })
const named = typeof values.profile === 'string' && values.profile !== '' ? values.profile : null
const profile = resolve(named ?? defaultProfileDirectory(process.platform, process.env, homedir()))
mkdirSync(profile, { recursive: true, mode: 0o700 })
app.setName('Moru')
// Chromium's own files, and with them the lock of the single instance, belong to the profile.
app.setPath('userData', join(profile, 'window'))
protocol.registerSchemesAsPrivileged([appScheme])

if (!app.requestSingleInstanceLock()) app.exit(0)
else
  void app.whenReady().then(() => {
    try {
      const node = findNode({
        root: app.getAppPath(),
        resources: app.isPackaged ? process.resourcesPath : undefined,
        execPath: process.execPath,
        nodeVersion: process.versions.node,
        electron: true,
      })
      runShell(electron, {
        profile,
        supervisor: new Supervisor({ node, entry: join(import.meta.dirname, 'host.js'), profile }),
        rendererDirectory: join(import.meta.dirname, '../renderer'),
        preload: join(import.meta.dirname, '../preload/index.cjs'),
        developmentOrigin: app.isPackaged ? null : (process.env.ELECTRON_RENDERER_URL ?? null),
      })
    } catch (thrown) {
      dialog.showErrorBox('Moru', toMoruError(thrown).message)
      app.exit(1)
    }
  })
