import { chat, load, preset, sampling } from './en/chat'
import { action, engine, error, frame, host, jobs, palette, unit } from './en/frame'
import { models } from './en/models'
import { settings } from './en/settings'

export const en = {
  action,
  chat,
  engine,
  error,
  frame,
  host,
  jobs,
  load,
  models,
  palette,
  preset,
  sampling,
  settings,
  unit,
}

/** The same keys with texts of any language. */
type Texts<T> = { [K in keyof T]: T[K] extends string ? string : Texts<T[K]> }
export type Messages = Texts<typeof en>
