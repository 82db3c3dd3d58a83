import { chart } from './en/chart'
import { chat, load, preset, sampling } from './en/chat'
import { action, engine, error, frame, host, jobs, palette, unit } from './en/frame'
import { knowledge, reader } from './en/knowledge'
import { logs, runs, tracing } from './en/logs'
import { models } from './en/models'
import { profile } from './en/profile'
import { quantize } from './en/quantize'
import { settings } from './en/settings'

export const en = {
  action,
  chart,
  chat,
  engine,
  error,
  frame,
  host,
  jobs,
  knowledge,
  load,
  logs,
  models,
  palette,
  preset,
  profile,
  quantize,
  reader,
  runs,
  sampling,
  settings,
  tracing,
  unit,
}

/** The same keys with texts of any language. */
type Texts<T> = { [K in keyof T]: T[K] extends string ? string : Texts<T[K]> }
export type Messages = Texts<typeof en>
