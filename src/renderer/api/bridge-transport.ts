import type { MoruBridge } from '../../shared/bridge'
import type { Transport } from './transport'

/** Under Electron: the preload's bridge. Input is copied to plain data, because structured clone refuses Vue's proxies. */
export function bridgeTransport(bridge: MoruBridge): Transport {
  return {
    send: (frame) => bridge.send(JSON.parse(JSON.stringify(frame))),
    onFrame: (listener) => void bridge.onFrame(listener),
    onState: (listener) => void bridge.onHostState(listener),
  }
}
