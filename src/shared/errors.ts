/** The one error type of the product: every process, the contract and the command line speak it. */
export const errorCodes = [
  'invalid_input', // a request or option is wrong; the message names it
  'invalid_file', // a file from outside is broken or hostile; the message names field and offset
  'unsupported', // well-formed, but not something Moru can do
  'not_found',
  'conflict', // the thing exists already, or changed meanwhile
  'busy', // another process or job holds it
  'no_adapter',
  'device_lost',
  'out_of_memory',
  'model_not_loaded',
  'context_full',
  'cancelled',
  'network',
  'unauthorized',
  'io',
  'internal', // a defect of ours
] as const
export type ErrorCode = (typeof errorCodes)[number]

/** What crosses a process border. `message` is a sentence or a few, for a person: what is wrong, where, what to do. */
export interface ErrorShape {
  code: ErrorCode
  message: string
  details?: Record<string, unknown>
}

export class MoruError extends Error {
  readonly code: ErrorCode
  readonly details?: Record<string, unknown>

  constructor(code: ErrorCode, message: string, options: { details?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'MoruError'
    this.code = code
    this.details = options.details
  }

  toShape(): ErrorShape {
    return { code: this.code, message: this.message, ...(this.details && { details: this.details }) }
  }
}

/** Any thrown value as a MoruError: ours as it is, an abort as `cancelled`, system errors as `io`, the rest as `internal`. */
export function toMoruError(thrown: unknown): MoruError {
  if (thrown instanceof MoruError) return thrown
  if (!(thrown instanceof Error)) return new MoruError('internal', String(thrown))
  if (thrown.name === 'AbortError') return new MoruError('cancelled', 'The work was cancelled.', { cause: thrown })
  const system = (thrown as { code?: unknown; syscall?: unknown }).syscall !== undefined
  return new MoruError(system ? 'io' : 'internal', thrown.message, { cause: thrown })
}

/** Throws `cancelled` when the signal has fired. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new MoruError('cancelled', 'The work was cancelled.')
}
