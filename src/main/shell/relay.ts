/** Carries frames between windows and the host: a connection for each page that a window has loaded. */
import { type HostState as WindowHostState } from '../../shared/bridge'
import { type HostToParent, type ParentToHost } from '../../shared/host-messages'
import { channels } from '../../shared/shell-channels'
import { type HostState } from '../supervisor/supervisor'

/** The part of the supervisor that the relay works with. */
export interface RelayedHost {
  readonly state: HostState
  send(message: ParentToHost): boolean
  onMessage(listener: (message: HostToParent) => void): () => void
  onState(listener: (state: HostState) => void): () => void
}

/** The part of Electron's WebContents that the relay works with. */
export interface RelayedContents {
  readonly id: number
  send(channel: string, ...values: unknown[]): void
  reload(): void
  isDestroyed(): boolean
}

export interface Relay {
  /** A page asks for the host's state, and is told of every change from then on. */
  hello(contents: RelayedContents, page: unknown): void
  /** A page's frame, on its way to the host. */
  frame(contents: RelayedContents, page: unknown, text: unknown): void
  closed(contents: RelayedContents): void
}

interface Page {
  contents: RelayedContents
  id: string
  connection: string
}

export function createRelay(host: RelayedHost): Relay {
  const pages = new Map<number, Page>()
  const stateNow = (): WindowHostState => (host.state.kind === 'ready' ? 'ready' : 'away')
  const tell = ({ contents, id }: Page, channel: string, value: unknown) => {
    if (!contents.isDestroyed()) contents.send(channel, id, value)
  }
  const pageOf = (connection: string) => [...pages.values()].find((page) => page.connection === connection)
  const closed = (contents: RelayedContents) => {
    const page = pages.get(contents.id)
    if (page) host.send({ kind: 'close', connection: page.connection })
    pages.delete(contents.id)
  }
  /** The window's page; when it has another than before, what the one before had asked for is cancelled. */
  const enter = (contents: RelayedContents, id: unknown): Page | null => {
    if (typeof id !== 'string' || id === '' || id.length > 100) return null
    if (pages.get(contents.id)?.id !== id) {
      closed(contents)
      pages.set(contents.id, { contents, id, connection: `window ${contents.id}, page ${id}` })
    }
    return pages.get(contents.id)!
  }

  let told = stateNow()
  host.onState(() => {
    if (stateNow() === told) return
    told = stateNow()
    for (const page of pages.values()) tell(page, channels.hostState, told)
  })
  host.onMessage((message) => {
    const page = 'connection' in message ? pageOf(message.connection) : undefined
    if (message.kind === 'frame' && page) tell(page, channels.frame, message.text)
    // The host ended it because the page broke the protocol: a fresh page starts a fresh connection.
    if (message.kind === 'closed') page?.contents.reload()
  })

  return {
    hello(contents, id) {
      const page = enter(contents, id)
      if (page) tell(page, channels.hostState, stateNow())
    },
    frame(contents, id, text) {
      const page = enter(contents, id)
      if (page && typeof text === 'string') host.send({ kind: 'frame', connection: page.connection, text })
    },
    closed,
  }
}
