import type { HostState } from '../../shared/bridge'
import type { HostFrame } from '../../shared/contract'
import type { Transport } from './transport'

const firstDelayMs = 250
const longestDelayMs = 5_000

/**
 * In a browser tab: a WebSocket to the host that reconnects until the page is left. Browsers cannot set headers on a
 * WebSocket, so the token travels as a subprotocol.
 *
 * @param url ws(s) address
 * @param token what the host printed in its address; '' when there is none
 */
export function socketTransport(url: string, token: string): Transport {
  let onFrame: (frame: HostFrame) => void = () => {}
  let onState: (state: HostState) => void = () => {}
  let socket: WebSocket | null = null
  let delayMs = firstDelayMs

  function connect() {
    const next = new WebSocket(url, token ? ['moru', `token.${token}`] : ['moru'])
    next.onopen = () => {
      socket = next
      delayMs = firstDelayMs
      onState('ready')
    }
    next.onmessage = (event: MessageEvent<string>) => onFrame(JSON.parse(event.data) as HostFrame)
    next.onclose = () => {
      if (socket === next) {
        socket = null
        onState('away')
      }
      setTimeout(connect, delayMs)
      delayMs = Math.min(delayMs * 2, longestDelayMs)
    }
  }

  return {
    send: (frame) => socket?.send(JSON.stringify(frame)),
    onFrame: (listener) => (onFrame = listener),
    onState(listener) {
      onState = listener
      connect()
    },
  }
}

const tokenKey = 'moru.token'

/** Takes the token from the page's address once, keeps it for this tab and removes it from the address bar. */
export function takeToken(page: Location, storage: Storage, history: History): string {
  const address = new URL(page.href)
  const token = address.searchParams.get('token')
  if (token !== null) {
    storage.setItem(tokenKey, token)
    address.searchParams.delete('token')
    history.replaceState(history.state, '', address)
  }
  return token ?? storage.getItem(tokenKey) ?? ''
}
