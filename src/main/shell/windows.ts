/** Windows of the application: made safe, restored to where they were, each with its own way to the host. */
import type { BrowserWindowConstructorOptions } from 'electron'
import { type Relay, type RelayedContents } from './relay'
import { guardContents, type GuardedContents } from './security'
import { type Area, readWindowState, writeWindowState } from './window-state'

/** The part of Electron's BrowserWindow that the shell works with. */
export interface ShellWindow {
  readonly webContents: RelayedContents & GuardedContents
  loadURL(url: string): Promise<void>
  show(): void
  focus(): void
  restore(): void
  maximize(): void
  isMinimized(): boolean
  isMaximized(): boolean
  getNormalBounds(): Area
  once(event: 'ready-to-show', listener: () => void): unknown
  on(event: 'close' | 'closed', listener: () => void): unknown
}

export interface WindowSurroundings {
  create(options: BrowserWindowConstructorOptions): ShellWindow
  displays(): Area[]
  openExternal(url: string): unknown
  relay: Relay
  /** Scheme and host of the window's page, without a slash at the end. */
  origin: string
  /** The built preload script. */
  preload: string
  stateFile: string
}

export const webPreferences = (preload: string) => ({
  preload,
  contextIsolation: true,
  sandbox: true,
  nodeIntegration: false,
  nodeIntegrationInWorker: false,
  nodeIntegrationInSubFrames: false,
  webSecurity: true,
  allowRunningInsecureContent: false,
  webviewTag: false,
  navigateOnDragDrop: false,
  spellcheck: false,
})

/** Opens a window and loads the page. */
export function openWindow(around: WindowSurroundings): ShellWindow {
  const { maximized, ...bounds } = readWindowState(around.stateFile, around.displays())
  const window = around.create({
    ...bounds,
    minWidth: 640,
    minHeight: 480,
    show: false,
    title: 'Moru',
    webPreferences: webPreferences(around.preload),
  })
  const contents = window.webContents
  guardContents(contents, around.origin, around.openExternal)
  if (maximized) window.maximize()
  window.once('ready-to-show', () => window.show())
  window.on('close', () =>
    writeWindowState(around.stateFile, { ...window.getNormalBounds(), maximized: window.isMaximized() }),
  )
  window.on('closed', () => around.relay.closed(contents))
  void window.loadURL(`${around.origin}/`)
  return window
}
