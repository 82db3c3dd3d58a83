/** The few Electron calls that the shell makes, remembered: what a test can look at and set off. */
import { EventEmitter } from 'node:events'
import { type HostToParent, type ParentToHost } from '../../../src/shared/host-messages'
import { type HostState } from '../../../src/main/supervisor/supervisor'
import { type ElectronCalls } from '../../../src/main/shell/application'
import { type menuTemplate } from '../../../src/main/shell/menu'
import { type WindowSurroundings } from '../../../src/main/shell/windows'

type MenuItems = ReturnType<typeof menuTemplate>
type WindowOptions = Parameters<WindowSurroundings['create']>[0]

type Navigation = { preventDefault(): void; prevented: boolean }
const navigation = (): Navigation => ({
  prevented: false,
  preventDefault() {
    this.prevented = true
  },
})

export class FakeContents extends EventEmitter {
  static made = 0
  readonly id = ++FakeContents.made
  readonly sent: unknown[][] = []
  reloads = 0
  destroyed = false
  openHandler: (details: { url: string }) => { action: string } = () => ({ action: 'allow' })

  send(...values: unknown[]) {
    if (this.destroyed) throw new Error('Object has been destroyed')
    this.sent.push(values)
  }
  reload() {
    this.reloads += 1
  }
  isDestroyed() {
    return this.destroyed
  }
  setWindowOpenHandler(handler: typeof this.openHandler) {
    this.openHandler = handler
  }
  /** Whether going to `url` in this way was prevented. */
  prevents(event: string, url: string): boolean {
    const attempt = navigation()
    this.emit(event, attempt, url)
    return attempt.prevented
  }
}

export class FakeWindow extends EventEmitter {
  static all: FakeWindow[] = []
  readonly webContents = new FakeContents()
  readonly options: WindowOptions
  readonly calls: string[] = []
  url = ''
  minimized = false
  maximized = false
  bounds = { x: 10, y: 20, width: 900, height: 700 }

  constructor(options: WindowOptions) {
    super()
    this.options = options
    FakeWindow.all.push(this)
  }
  static getAllWindows() {
    return FakeWindow.all
  }
  async loadURL(url: string) {
    this.url = url
  }
  show() {
    this.calls.push('show')
  }
  focus() {
    this.calls.push('focus')
  }
  restore() {
    this.minimized = false
  }
  maximize() {
    this.maximized = true
  }
  isMinimized() {
    return this.minimized
  }
  isMaximized() {
    return this.maximized
  }
  getNormalBounds() {
    return this.bounds
  }
  close() {
    this.emit('close')
    FakeWindow.all = FakeWindow.all.filter((w) => w !== this)
    this.webContents.destroyed = true
    this.emit('closed')
  }
}

export class FakeSupervisor extends EventEmitter {
  state: HostState = { kind: 'stopped' }
  readonly sent: ParentToHost[] = []
  readonly logPath = '/profile/logs/host.log'
  starts = 0
  stops = 0

  enter(state: HostState) {
    this.state = state
    this.emit('state', state)
  }
  ready() {
    this.enter({ kind: 'ready', port: 1, token: 't', pid: 1 })
  }
  async start() {
    this.starts += 1
  }
  async stop() {
    this.stops += 1
  }
  send(message: ParentToHost) {
    if (this.state.kind !== 'ready') return false
    this.sent.push(message)
    return true
  }
  onState(listener: (state: HostState) => void) {
    this.on('state', listener)
    return () => void this.off('state', listener)
  }
  onMessage(listener: (message: HostToParent) => void) {
    this.on('message', listener)
    return () => void this.off('message', listener)
  }
}

type PermissionRequest = (
  contents: unknown,
  permission: string,
  callback: (granted: boolean) => void,
  details: { requestingUrl: string; isMainFrame: boolean },
) => void

/** Grants everything until handlers are set, as Electron does. */
export class FakeSession {
  request: PermissionRequest = (_contents, _permission, callback) => callback(true)
  check: (contents: unknown, permission: string, origin: string) => boolean = () => true
  device: () => boolean = () => true

  setPermissionRequestHandler(handler: PermissionRequest) {
    this.request = handler
  }
  setPermissionCheckHandler(handler: FakeSession['check']) {
    this.check = handler
  }
  setDevicePermissionHandler(handler: () => boolean) {
    this.device = handler
  }
}

/** @param locale what the system speaks; @param answers what dialogs answer */
export function fakeElectron(
  locale = 'en-US',
  answers: { response?: number; filePaths?: string[]; filePath?: string } = {},
) {
  FakeWindow.all = []
  const app = Object.assign(new EventEmitter(), { getLocale: () => locale, quits: 0, quit: () => void app.quits++ })
  const ipc = Object.assign(new EventEmitter(), {
    handlers: new Map<string, (event: unknown, value: unknown) => unknown>(),
    handle: (channel: string, handler: (event: unknown, value: unknown) => unknown) =>
      void ipc.handlers.set(channel, handler),
  })
  const session = new FakeSession()
  const opened: string[] = []
  const dialogs: object[] = []
  const seen = {
    menu: [] as MenuItems,
    protocol: (_request: { url: string; method: string }): Promise<Response> =>
      Promise.reject(new Error('not registered')),
  }
  const electron = {
    app,
    ipcMain: ipc,
    BrowserWindow: FakeWindow,
    session: { defaultSession: session },
    screen: { getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } }] },
    shell: {
      openExternal: (url: string) => void opened.push(url),
      showItemInFolder: (path: string) => void opened.push(path),
    },
    protocol: { handle: (_scheme: string, handler: typeof seen.protocol) => void (seen.protocol = handler) },
    Menu: {
      buildFromTemplate: (template: MenuItems) => template,
      setApplicationMenu: (template: MenuItems) => void (seen.menu = template),
    },
    dialog: {
      showMessageBox: async (options: object) => (dialogs.push(options), { response: answers.response ?? 1 }),
      showOpenDialog: async (_: unknown, options: object) => (
        dialogs.push(options),
        { filePaths: answers.filePaths ?? [] }
      ),
      showSaveDialog: async (_: unknown, options: object) => (
        dialogs.push(options),
        { canceled: !answers.filePath, filePath: answers.filePath ?? '' }
      ),
    },
  }
  return { calls: electron as unknown as ElectronCalls, app, ipc, session, opened, dialogs, seen }
}
