/** The contract over WebSocket, on the host's own HTTP server: browser tabs, the command line and tests come this way. */
import { type IncomingMessage, type Server } from 'node:http'
import { type Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Dispatcher, maxFrameBytes } from '../dispatch'
import { type Access, refusal } from './access'

/** Above this much unsent data a connection's streams wait for their reader. */
const highWaterBytes = 512 * 1024
const maxConnections = 64

export interface WebSocketOptions extends Access {
  dispatcher: Dispatcher
  /** How often a silent connection is asked whether it is alive; twice unanswered, it is dropped. */
  pingMs?: number
  maxFrameBytes?: number
}

/** Answers upgrades on path /ws. Closing the answered server drops its connections. */
export function serveWebSockets(server: Server, options: WebSocketOptions): { close(): void; connections(): number } {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: options.maxFrameBytes ?? maxFrameBytes,
    // The other subprotocol a browser offers is the token: it is never echoed.
    handleProtocols: (offered) => (offered.has('moru') ? 'moru' : false),
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const refused =
      refusal(request, options) ?? (sockets.clients.size >= maxConnections ? '503 Service Unavailable' : null)
    if (refused) {
      socket.on('error', () => undefined)
      socket.end(`HTTP/1.1 ${refused}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    sockets.handleUpgrade(request, socket, head, (ws) => serve(ws, options))
  })
  return {
    close() {
      for (const ws of sockets.clients) ws.terminate()
      sockets.close()
    },
    connections: () => sockets.clients.size,
  }
}

function serve(ws: WebSocket, options: WebSocketOptions): void {
  const connection = options.dispatcher({
    send: (frame) => send(ws, JSON.stringify(frame)),
    refuse: (reason) => ws.close(1008, reason),
  })
  ws.on('message', (data, binary) => {
    if (binary) ws.close(1003, 'frames are text')
    else connection.receive(String(data))
  })
  ws.on('close', () => connection.close())
  // A broken or oversized message: ws closes the connection itself, with the code that says so.
  ws.on('error', () => undefined)
  watchLiveness(ws, options.pingMs ?? 15_000)
}

/** Resolves at once while little is unsent, else when this frame has gone out. */
function send(ws: WebSocket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    ws.send(text, (error) => (error ? reject(error) : resolve()))
    if (ws.readyState === ws.OPEN && ws.bufferedAmount < highWaterBytes) resolve()
  })
}

function watchLiveness(ws: WebSocket, pingMs: number): void {
  let unanswered = 0
  ws.on('pong', () => (unanswered = 0))
  ws.on('message', () => (unanswered = 0))
  const timer = setInterval(() => {
    // After a long synchronous stretch of ours the pong may be waiting in the socket: let it be read first.
    setImmediate(() => {
      if (unanswered >= 2) return ws.terminate()
      unanswered += 1
      if (ws.readyState === ws.OPEN) ws.ping()
    })
  }, pingMs)
  timer.unref()
  ws.on('close', () => clearInterval(timer))
}
