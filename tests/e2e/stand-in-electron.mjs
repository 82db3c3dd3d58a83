/**
 * Stands in for Electron's module where its binary cannot run: loads the "page" as soon as a window opens, which asks the
 * host one question and quits when it has the answer. Every call of interest is a line of JSON on standard output.
 */
import { EventEmitter } from 'node:events'

const note = (call, value) => process.stdout.write(`${JSON.stringify({ call, value })}\n`)
const frame = { url: 'app://moru/', parent: null }

export const app = Object.assign(new EventEmitter(), {
  isPackaged: false,
  setName: () => undefined,
  setPath: (name, path) => note('setPath', [name, path]),
  requestSingleInstanceLock: () => true,
  whenReady: async () => undefined,
  getAppPath: () => process.env.APP_PATH,
  getLocale: () => 'ko-KR',
  exit: (code) => process.exit(code),
  quit() {
    let prevented = false
    app.emit('before-quit', { preventDefault: () => (prevented = true) })
    if (!prevented) process.exit(0)
  },
})

export const ipcMain = Object.assign(new EventEmitter(), { handle: () => undefined })

class Contents extends EventEmitter {
  id = 1
  isDestroyed = () => false
  setWindowOpenHandler = () => undefined
  reload = () => note('reload', null)
  send(channel, page, value) {
    note(channel, value)
    const request = { type: 'request', id: 1, route: 'models.list', input: {} }
    if (value === 'ready') this.tell('moru:frame', page, JSON.stringify(request))
    if (channel === 'moru:frame') app.quit()
  }
  tell(channel, ...values) {
    ipcMain.emit(channel, { sender: this, senderFrame: frame }, ...values)
  }
}

export class BrowserWindow extends EventEmitter {
  static getAllWindows = () => []
  webContents = new Contents()
  constructor(options) {
    super()
    note('window', options.webPreferences)
  }
  async loadURL(url) {
    note('load', url)
    this.webContents.tell('moru:host-state', 'page-1')
  }
}

export const dialog = {
  showErrorBox: (title, text) => note('errorBox', [title, text]),
  showMessageBox: async ({ detail }) => (note('messageBox', detail), { response: 1 }),
}
export const Menu = {
  buildFromTemplate: (template) => template.map((item) => item.label),
  setApplicationMenu: (labels) => note('menu', labels),
}
export const protocol = {
  registerSchemesAsPrivileged: (schemes) => note('schemes', schemes),
  handle: async (scheme, handler) => note('index', (await handler({ url: `${scheme}://moru/`, method: 'GET' })).status),
}
export const screen = { getAllDisplays: () => [] }
export const session = {
  defaultSession: {
    setPermissionRequestHandler: () => undefined,
    setPermissionCheckHandler: () => undefined,
    setDevicePermissionHandler: () => undefined,
  },
}
export const shell = { openExternal: () => undefined, showItemInFolder: () => undefined }
