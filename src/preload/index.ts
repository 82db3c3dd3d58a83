/** The bridge between window and shell: frames, the host's state, files. It knows no route of the contract. */
import { contextBridge, ipcRenderer, webUtils } from 'electron'
import type { HostState, MoruBridge } from '../shared/bridge'
import type { HostFrame } from '../shared/contract/core'
import { channels } from '../shared/shell-channels'

const page = crypto.randomUUID()

/** Calls `listener` with what the shell sends to this page; answers a function that stops it. The event object stays here. */
function listen<T>(channel: string, listener: (value: T) => void): () => void {
  const handle = (_: unknown, to: string, value: T) => to === page && listener(value)
  ipcRenderer.on(channel, handle)
  return () => void ipcRenderer.off(channel, handle)
}

const bridge: MoruBridge = {
  platform: process.platform as MoruBridge['platform'],
  send: (frame) => ipcRenderer.send(channels.frame, page, JSON.stringify(frame)),
  onFrame: (listener) => listen<string>(channels.frame, (text) => listener(JSON.parse(text) as HostFrame)),
  onHostState(listener) {
    const stop = listen<HostState>(channels.hostState, listener)
    ipcRenderer.send(channels.hostState, page)
    return stop
  },
  pickFiles: (purpose) => ipcRenderer.invoke(channels.pickFiles, purpose) as Promise<string[]>,
  pathForFile: (file) => webUtils.getPathForFile(file),
}
contextBridge.exposeInMainWorld('moru', bridge)

window.addEventListener('DOMContentLoaded', () => {
  const tell = () => ipcRenderer.send(channels.language, document.documentElement.lang)
  new MutationObserver(tell).observe(document.documentElement, { attributeFilter: ['lang'] })
  tell()
})
