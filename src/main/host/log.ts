import { type Logger, pino } from 'pino'
import { defaultRedactions, redactor } from '../../shared/redaction'

export type Log = Logger

const usual = redactor(defaultRedactions)
/** How lines are cleaned: by the usual patterns until the profile's own, and the secrets it holds, are known. */
export const logRedaction = { text: usual }

/**
 * The host's log: JSON lines on standard error, which the supervisor keeps in a file of the profile.
 * Written synchronously, so that the last line before a crash is there.
 */
export function createLog(level: string = 'info'): Log {
  return pino(
    { level, base: { pid: process.pid }, hooks: { streamWrite: (line) => logRedaction.text(line) } },
    pino.destination({ fd: 2, sync: true }),
  )
}
