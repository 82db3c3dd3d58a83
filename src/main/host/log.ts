import { type Logger, pino } from 'pino'

export type Log = Logger

/**
 * The host's log: JSON lines on standard error, which the supervisor keeps in a file of the profile.
 * Written synchronously, so that the last line before a crash is there.
 */
export function createLog(level: string = 'info'): Log {
  return pino({ level, base: { pid: process.pid } }, pino.destination({ fd: 2, sync: true }))
}
