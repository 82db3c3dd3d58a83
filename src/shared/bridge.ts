/** What the preload script gives the window under Electron, as `window.moru`. In a browser tab it is absent. */
import type { ClientFrame, HostFrame } from './contract/core'

/** ready: frames are delivered; away: the host is starting or being restarted, frames sent now are lost. */
export type HostState = 'ready' | 'away'

/** What a file dialog is opened for: it decides filters, title and whether one or several may be chosen. */
export type PickPurpose = 'model' | 'model_folder' | 'documents' | 'document_folder' | 'backup_target' | 'backup_source'

export interface MoruBridge {
  platform: 'linux' | 'darwin' | 'win32'
  /** Hands a frame to the host; while it is away the frame is dropped. */
  send(frame: ClientFrame): void
  /** Calls `listener` with every frame from the host. Answers a function that stops it. */
  onFrame(listener: (frame: HostFrame) => void): () => void
  /** Calls `listener` with the host's state at once and whenever it changes. Answers a function that stops it. */
  onHostState(listener: (state: HostState) => void): () => void
  /** Opens the system's file dialog; answers absolute paths, empty when dismissed. */
  pickFiles(purpose: PickPurpose): Promise<string[]>
  /** The absolute path of a file dropped on the window, '' when it has none. */
  pathForFile(file: File): string
}

declare global {
  interface Window {
    moru?: MoruBridge
  }
}
