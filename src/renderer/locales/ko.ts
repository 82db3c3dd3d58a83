import type { Messages } from './en'
import { chart } from './ko/chart'
import { chat, load, preset, sampling } from './ko/chat'
import { action, engine, error, frame, host, jobs, palette, unit } from './ko/frame'
import { knowledge, reader } from './ko/knowledge'
import { logs, runs, tracing } from './ko/logs'
import { models } from './ko/models'
import { profile } from './ko/profile'
import { quantize } from './ko/quantize'
import { settings } from './ko/settings'

export const ko: Messages = {
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
