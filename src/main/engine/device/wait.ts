/** Waiting for the GPU without taking a core away from it. */

const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** Milliseconds of busy polling before the first sleep: short waits keep their latency. */
const spinMs = 0.3
const sleepMs = 0.5

/**
 * Settles as `work` does. Dawn's Node binding polls in a busy loop while a promise of the GPU is pending; on a software
 * adapter that loop takes a core from the very threads it waits for, so after a short spin the loop is made to sleep
 * between polls (1.2-1.8 times faster decoding on lavapipe; docs/performance.md).
 */
export function settled<T>(work: Promise<T>): Promise<T> {
  let pending = true
  const start = performance.now()
  const poll = () => {
    if (!pending) return
    if (performance.now() - start > spinMs) Atomics.wait(sleeper, 0, 0, sleepMs)
    setImmediate(poll)
  }
  setImmediate(poll)
  return work.finally(() => {
    pending = false
  })
}
