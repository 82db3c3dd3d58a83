/** The channel to a parent process: the Electron shell relays its windows' frames through it, a connection for each. */
import { type HostToParent, parentToHost } from '../../../shared/host-messages'
import { type Connection, type Dispatcher } from '../dispatch'

/** A parent's end of the channel, as `process` has it in a child started with one. */
export interface ParentChannel {
  send(message: HostToParent, callback: (error: Error | null) => void): void
  onMessage(listener: (message: unknown) => void): void
}

/** Serves the connections of the parent's windows. */
export function serveParent(channel: ParentChannel, dispatcher: Dispatcher): void {
  const connections = new Map<string, Connection>()
  // Resolves when the pipe has taken the message: that is the back-pressure.
  const send = (message: HostToParent) =>
    new Promise<void>((resolve, reject) => channel.send(message, (error) => (error ? reject(error) : resolve())))

  const open = (connection: string) =>
    dispatcher({
      send: (frame) => send({ kind: 'frame', connection, text: JSON.stringify(frame) }),
      refuse: (reason) => {
        connections.delete(connection)
        void send({ kind: 'closed', connection, reason }).catch(() => undefined)
      },
    })

  channel.onMessage((raw) => {
    const message = parentToHost.parse(raw)
    if (message.kind === 'stop') return
    if (message.kind === 'close') {
      connections.get(message.connection)?.close()
      connections.delete(message.connection)
      return
    }
    // A window's first frame opens its connection: after a restart of the host nobody need announce it again.
    const connection = connections.get(message.connection) ?? open(message.connection)
    connections.set(message.connection, connection)
    connection.receive(message.text)
  })
}
