import { chart } from './en/chart'
import { chat, load, preset, sampling } from './en/chat'
import { action, engine, error, frame, host, jobs, palette, unit } from './en/frame'
import { knowledge, reader } from './en/knowledge'
import { models } from './en/models'
import { profile } from './en/profile'
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
  models,
  palette,
  preset,
  profile,
  reader,
  sampling,
  settings,
  unit,
}

/** The same keys with texts of any language. */
type Texts<T> = { [K in keyof T]: T[K] extends string ? string : Texts<T[K]> }
export type Messages = Texts<typeof en>
