/** Trying again what a network made fail: bounded, with growing pauses, and cancelled at once. */
import { setTimeout as sleep } from 'node:timers/promises'
import { MoruError, throwIfCancelled } from '../../../shared/errors'

export interface RetryPolicy {
  /** Tries in a row that may fail without progress before the error is the caller's. */
  attempts: number
  /** Pause after the first failure; doubles with each further one. */
  baseMs: number
  /** Longest pause, also for what a server asks for in Retry-After. */
  maxMs: number
}

export const defaultRetry: RetryPolicy = { attempts: 6, baseMs: 500, maxMs: 60_000 }

/** An error worth another try: `retryAfterMs` is what the server asked for, or null. */
export function transientError(message: string, retryAfterMs: number | null, cause?: unknown): MoruError {
  return new MoruError('network', message, { details: { transient: true, retryAfterMs }, cause })
}

const isTransient = (thrown: unknown): thrown is MoruError =>
  thrown instanceof MoruError && thrown.details?.transient === true

/**
 * Runs `work` until it succeeds, fails for good, or fails `policy.attempts` times in a row. `work` may call `progressed`
 * to say that this try got further than the last, which starts the count anew.
 */
export async function retrying<T>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  work: (progressed: () => void) => Promise<T>,
): Promise<T> {
  for (let failures = 0; ;) {
    try {
      return await work(() => (failures = 0))
    } catch (thrown) {
      throwIfCancelled(signal)
      if (!isTransient(thrown)) throw thrown
      failures++
      const asked = thrown.details?.retryAfterMs
      if (failures >= policy.attempts) throw thrown
      // A pause longer than the limit is not cut short: asking a server again too early only prolongs the refusal.
      if (typeof asked === 'number' && asked > policy.maxMs) throw thrown
      const backoff = Math.min(policy.maxMs, policy.baseMs * 2 ** (failures - 1)) * (0.75 + Math.random() / 4)
      await sleep(typeof asked === 'number' ? asked : backoff, undefined, { signal }).catch(() =>
        throwIfCancelled(signal),
      )
    }
  }
}

/** Milliseconds that a Retry-After header asks for (seconds or a date), or null. */
export function retryAfterMs(header: string | undefined, now = Date.now()): number | null {
  if (!header) return null
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? null : Math.max(0, date - now)
}
