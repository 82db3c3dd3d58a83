/** The Electron application: one instance, its windows, its menu, and a supervised host behind them. */
import { join } from 'node:path'
import type * as Electron from 'electron'
import { type PickPurpose } from '../../shared/bridge'
import { type Supervisor } from '../supervisor/supervisor'
import { appOrigin, appProtocol } from './app-protocol'
import { fileDialog } from './file-dialogs'
import { menuTemplate } from './menu'
import { listenToPages, type PageChannel } from './page-messages'
import { createRelay } from './relay'
import { guardSession } from './security'
import { languageOf, texts } from './texts'
import { openWindow } from './windows'

export type ElectronCalls = Pick<
  typeof Electron,
  'app' | 'BrowserWindow' | 'dialog' | 'ipcMain' | 'Menu' | 'protocol' | 'screen' | 'session' | 'shell'
>

export interface ShellOptions {
  profile: string
  supervisor: Supervisor
  /** The built window and the built preload script. */
  rendererDirectory: string
  preload: string
  /** Where a development server has the window's page; null: the product's own scheme. */
  developmentOrigin: string | null
}

/** Runs the application; Electron must be ready. */
export function runShell(electron: ElectronCalls, options: ShellOptions): void {
  const { app, BrowserWindow, dialog, Menu, protocol, screen, session, shell } = electron
  const { supervisor } = options
  const origin = options.developmentOrigin ?? appOrigin
  let language = languageOf(app.getLocale())
  const relay = createRelay(supervisor)
  protocol.handle('app', appProtocol(options.rendererDirectory))
  guardSession(session.defaultSession, origin)

  const newWindow = () =>
    openWindow({
      create: (windowOptions) => new BrowserWindow(windowOptions),
      displays: () => screen.getAllDisplays().map((display) => display.workArea),
      openExternal: (url) => void shell.openExternal(url),
      relay,
      origin,
      preload: options.preload,
      stateFile: join(options.profile, 'window.json'),
    })
  const showMenu = () => {
    const actions = { newWindow: () => void newWindow(), showLog: () => shell.showItemInFolder(supervisor.logPath) }
    Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(texts[language], process.platform, actions)))
  }
  const pickFiles = async (contents: { id: number }, purpose: PickPurpose) => {
    const window = BrowserWindow.getAllWindows().find((w) => w.webContents.id === contents.id)
    if (!window) return []
    const picked = fileDialog(purpose, texts[language], new Date())
    if (picked.kind === 'open') return (await dialog.showOpenDialog(window, picked.options)).filePaths
    const { canceled, filePath } = await dialog.showSaveDialog(window, picked.options)
    return canceled ? [] : [filePath]
  }
  listenToPages(electron.ipcMain as PageChannel, {
    relay,
    origin,
    pickFiles,
    languageChanged(shown) {
      if (shown === language) return
      language = shown
      showMenu()
    },
  })
  app.on('second-instance', () => {
    const window = BrowserWindow.getAllWindows()[0] ?? newWindow()
    if (window.isMinimized()) window.restore()
    window.focus()
  })
  app.on('activate', () => BrowserWindow.getAllWindows().length > 0 || newWindow())
  app.on('window-all-closed', () => process.platform === 'darwin' || app.quit())
  stopHostAtEnd(app, supervisor)
  showMenu()
  newWindow()
  superviseWithDialog(electron, supervisor, () => texts[language])
}

/** Electron ends once the host has closed the profile. */
function stopHostAtEnd(app: ElectronCalls['app'], supervisor: Supervisor): void {
  let stopped = false
  app.on('before-quit', (event) => {
    if (stopped) return
    event.preventDefault()
    void supervisor.stop().then(() => {
      stopped = true
      app.quit()
    })
  })
}

/** Starts the host; when it cannot be kept running, says why and asks whether to try again. */
function superviseWithDialog(
  { app, dialog }: ElectronCalls,
  supervisor: Supervisor,
  words: () => typeof texts.en,
): void {
  supervisor.onState(async (state) => {
    if (state.kind !== 'failed') return
    const t = words()
    const buttons = [t.tryAgain, t.quit]
    const { response } = await dialog.showMessageBox({
      type: 'error',
      message: t.hostFailed,
      detail: state.error.message,
      buttons,
      defaultId: 0,
      cancelId: 1,
    })
    if (response === 0) void supervisor.start().catch(() => undefined)
    else app.quit()
  })
  // What goes wrong is in the state, which the listener above has heard.
  void supervisor.start().catch(() => undefined)
}
