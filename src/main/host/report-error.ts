/** Errors on their way out of the host: what the caller is told, and what the log keeps. */
import { type z } from 'zod'
import { type ErrorShape, MoruError, toMoruError } from '../../shared/errors'
import { type Log } from './log'

/** The shape a caller gets. A defect of ours is logged with its stack; the caller gets a plain sentence instead. */
export function reportError(thrown: unknown, route: string, log: Log): ErrorShape {
  const error = toMoruError(thrown)
  if (error.code !== 'internal') return error.toShape()
  log.error({ err: error.cause ?? error, route }, 'request failed')
  return {
    code: 'internal',
    message: `Something went wrong inside Moru while it worked on '${route}'. The host's log has the details; trying again may help.`,
  }
}

/** A request that does not fit its schema, as a sentence that names the first fields at fault. */
export function invalidInput(route: string, error: z.ZodError): MoruError {
  const faults = error.issues.slice(0, 3).map((i) => `${i.path.join('.') || 'the input'}: ${i.message}`)
  const more = error.issues.length > faults.length ? `, and ${error.issues.length - faults.length} more` : ''
  return new MoruError('invalid_input', `The request '${route}' is not valid. ${faults.join('; ')}${more}.`)
}
