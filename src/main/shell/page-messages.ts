/** Messages from pages: heard only when they come from the product's own page in one of its windows. */
import { type PickPurpose } from '../../shared/bridge'
import { channels } from '../../shared/shell-channels'
import { pickPurpose } from './file-dialogs'
import { type Relay, type RelayedContents } from './relay'
import { isOwnPage, type SenderFrame } from './security'
import { type Language, languageOf } from './texts'

export interface PageEvent {
  sender: RelayedContents
  senderFrame: SenderFrame | null
}

/** The part of Electron's ipcMain that the shell works with. */
export interface PageChannel {
  on(channel: string, listener: (event: PageEvent, ...values: unknown[]) => void): unknown
  handle(channel: string, listener: (event: PageEvent, ...values: unknown[]) => unknown): void
}

export interface PageActions {
  relay: Relay
  origin: string
  pickFiles(contents: RelayedContents, purpose: PickPurpose): Promise<string[]>
  languageChanged(language: Language): void
}

export function listenToPages(ipc: PageChannel, { relay, origin, pickFiles, languageChanged }: PageActions): void {
  const on = (channel: string, listener: (contents: RelayedContents, ...values: unknown[]) => void) =>
    ipc.on(channel, (event, ...values) => {
      if (isOwnPage(event.senderFrame, origin)) listener(event.sender, ...values)
    })
  on(channels.frame, relay.frame)
  on(channels.hostState, relay.hello)
  on(channels.language, (_, language) => typeof language === 'string' && languageChanged(languageOf(language)))
  ipc.handle(channels.pickFiles, (event, purpose) => {
    if (!isOwnPage(event.senderFrame, origin)) throw new Error('refused')
    return pickFiles(event.sender, pickPurpose.parse(purpose))
  })
}
