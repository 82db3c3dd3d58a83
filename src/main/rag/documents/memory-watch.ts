/**
 * A thread of the parser child that ends the whole child from beside a parser that never yields: when it has taken too
 * much memory outside V8's heap, when its time is long over, and when its parent is gone.
 */
import { writeSync } from 'node:fs'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { memoryNotice } from './child-messages'

interface WatchData {
  rssBytes: number
  /** One element: milliseconds since the epoch at which to end, 0 for never. */
  endAt: Float64Array
}

const periodMs = 50

/** Starts the thread; `entry` must call `watchMemory` when it is not the main thread. Answers a function that sets when to end, or null. */
export function startMemoryWatch(entry: string, rssBytes: number): (endAtMs: number | null) => void {
  const endAt = new Float64Array(new SharedArrayBuffer(8))
  const worker = new Worker(entry, { workerData: { rssBytes, endAt } satisfies WatchData, stderr: false })
  worker.unref()
  return (endAtMs) => void (endAt[0] = endAtMs ?? 0)
}

/** The thread's own part. */
export function watchMemory(): void {
  if (isMainThread) return
  const { rssBytes, endAt } = workerData as WatchData
  const parent = process.ppid
  setInterval(() => {
    if (process.memoryUsage.rss() > rssBytes) end(memoryNotice)
    if (process.ppid !== parent) end('parser: parent is gone')
    if (endAt[0] > 0 && Date.now() > endAt[0]) end('parser: time limit')
  }, periodMs)
}

function end(notice: string): void {
  try {
    writeSync(2, `${notice}\n`)
  } finally {
    process.kill(process.pid, 'SIGKILL')
  }
}
