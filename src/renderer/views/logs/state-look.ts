/** Icons and colours of how calls end: told apart by shape as well. */
import { CircleCheck, CircleDashed, CircleSlash, CircleX, LoaderCircle } from '@lucide/vue'
import { type Component } from 'vue'
import { type TraceState } from '../../../shared/contract/traces'

export const stateLook: Record<TraceState, { icon: Component; color: string }> = {
  ok: { icon: CircleCheck, color: 'text-ok' },
  error: { icon: CircleX, color: 'text-danger' },
  cancelled: { icon: CircleSlash, color: 'text-muted' },
  interrupted: { icon: CircleDashed, color: 'text-warn' },
  running: { icon: LoaderCircle, color: 'text-accent motion-safe:animate-spin' },
}
