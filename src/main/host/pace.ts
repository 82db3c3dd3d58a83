/** Not too often: what a person could not read that fast need not be sent. */
const reportEveryMs = 100

/** Passes on ten reports a second at most, and the first and the last in any case. */
export function seldom(report: (done: number, total: number) => void): (done: number, total: number) => void {
  let last = -Infinity
  return (done, total) => {
    const now = performance.now()
    if (now - last < reportEveryMs && done < total) return
    last = now
    report(done, total)
  }
}

/** Resolves after so long, or when the signal fires. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
