import type { HostState } from '../../shared/bridge'
import type { ClientFrame, HostFrame } from '../../shared/contract'

/** A way to the host: frames out, frames in, and whether the host is there. */
export interface Transport {
  /** Sends a frame; only while the state is 'ready'. */
  send(frame: ClientFrame): void
  onFrame(listener: (frame: HostFrame) => void): void
  /** Calls `listener` at every change of state; the state before the first call is 'away'. */
  onState(listener: (state: HostState) => void): void
}
