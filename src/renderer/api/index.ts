import { inject, type InjectionKey } from 'vue'
import { bridgeTransport } from './bridge-transport'
import { Client } from './client'
import { socketTransport, takeToken } from './socket-transport'

export const clientKey: InjectionKey<Client> = Symbol('client')

/** The client of this window: over the preload's bridge under Electron, over a WebSocket in a browser tab. */
export function createClient(): Client {
  if (window.moru) return new Client(bridgeTransport(window.moru))
  const address = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`
  return new Client(socketTransport(address, takeToken(location, sessionStorage, history)))
}

/** The application's client; within components and stores. */
export function useClient(): Client {
  const client = inject(clientKey)
  if (!client) throw new Error('no client is provided')
  return client
}

export type { Api, CallOptions } from './types'
export { Client } from './client'
