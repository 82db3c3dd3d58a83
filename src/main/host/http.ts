/** The host's one port: the window's files over HTTP and the contract over WebSocket. */
import { createServer, type Server } from 'node:http'
import { type AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { MoruError } from '../../shared/errors'
import { createWebApp } from '../server/web'
import { type Dispatcher } from './dispatch'
import { isOwnHost } from './transports/access'
import { serveWebSockets, type WebSocketOptions } from './transports/websocket'

export interface HttpOptions extends Omit<WebSocketOptions, 'port' | 'dispatcher'> {
  dispatcher: Dispatcher
  /** Folder of the built window. */
  rendererDirectory: string
  /** 0: a free one. */
  port: number
}

export interface HttpServer {
  port: number
  connections(): number
  /** Drops every connection and frees the port. */
  close(): Promise<void>
}

/** Listens on the loopback address. Throws `busy` when the port is taken. */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const server: Server = createServer()
  const port = () => (server.address() as AddressInfo).port
  const app = createWebApp({ root: options.rendererDirectory, isOwnHost: (host) => isOwnHost(host, port()) })
  server.on('request', getRequestListener(app.fetch, { overrideGlobalObjects: false }))
  const sockets = serveWebSockets(server, { ...options, port })
  await listen(server, options.port)
  return {
    port: port(),
    connections: sockets.connections,
    close: () =>
      new Promise((resolve) => {
        sockets.close()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EADDRINUSE' && cause.code !== 'EACCES') return reject(cause)
      const why = cause.code === 'EADDRINUSE' ? 'is used by another program' : 'may not be opened by this user'
      reject(new MoruError('busy', `Port ${port} ${why}. Choose another with --port.`, { cause }))
    })
    server.listen(port, '127.0.0.1', resolve)
  })
}
