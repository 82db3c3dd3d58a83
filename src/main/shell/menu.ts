import type { MenuItemConstructorOptions } from 'electron'
import { type Texts } from './texts'

export interface MenuActions {
  newWindow(): void
  showLog(): void
}

/** The application's menu. Views and chats are the window's own, reached through its command palette. */
export function menuTemplate(t: Texts, platform: NodeJS.Platform, actions: MenuActions): MenuItemConstructorOptions[] {
  const separator: MenuItemConstructorOptions = { type: 'separator' }
  const mac = platform === 'darwin'
  const about: MenuItemConstructorOptions = { role: 'about', label: t.aboutMoru }
  const quit: MenuItemConstructorOptions = { role: 'quit', label: t.quit, accelerator: 'CmdOrCtrl+Q' }
  const file: MenuItemConstructorOptions[] = [
    { label: t.newWindow, accelerator: 'CmdOrCtrl+Shift+N', click: actions.newWindow },
    { role: 'close', label: t.closeWindow, accelerator: 'CmdOrCtrl+W' },
    ...(mac ? [] : [separator, quit]),
  ]
  const edit: MenuItemConstructorOptions[] = [
    { role: 'undo', label: t.undo },
    { role: 'redo', label: t.redo },
    separator,
    { role: 'cut', label: t.cut },
    { role: 'copy', label: t.copy },
    { role: 'paste', label: t.paste },
    { role: 'selectAll', label: t.selectAll },
  ]
  const view: MenuItemConstructorOptions[] = [
    { role: 'reload', label: t.reload },
    separator,
    { role: 'resetZoom', label: t.resetZoom },
    { role: 'zoomIn', label: t.zoomIn },
    { role: 'zoomOut', label: t.zoomOut },
    separator,
    { role: 'togglefullscreen', label: t.fullScreen },
    { role: 'toggleDevTools', label: t.developerTools },
  ]
  const help: MenuItemConstructorOptions[] = [{ label: t.showLog, click: actions.showLog }, ...(mac ? [] : [about])]
  return [
    ...(mac ? [{ label: 'Moru', submenu: [about, separator, quit] }] : []),
    { label: t.file, submenu: file },
    { label: t.edit, submenu: edit },
    { label: t.view, submenu: view },
    { role: 'help', label: t.help, submenu: help },
  ]
}
