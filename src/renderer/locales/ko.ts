import type { Messages } from './en'
import { chat, load, preset, sampling } from './ko/chat'
import { action, engine, error, frame, host, jobs, palette, unit } from './ko/frame'
import { models } from './ko/models'
import { settings } from './ko/settings'

export const ko: Messages = {
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
