/**
 * A timeline as a file that Perfetto and chrome://tracing open: the JSON object form of the Trace Event Format
 * (https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU). Times in microseconds.
 */
import { type Timeline } from './contract/profiler'

interface CompleteEvent {
  ph: 'X'
  name: string
  cat: string
  ts: number
  dur: number
  pid: number
  tid: number
  args: Record<string, unknown>
}
interface MetadataEvent {
  ph: 'M'
  name: 'process_name' | 'thread_name' | 'thread_sort_index'
  pid: number
  tid: number
  args: Record<string, unknown>
}
export interface ChromeTrace {
  traceEvents: (CompleteEvent | MetadataEvent)[]
  displayTimeUnit: 'ms'
  otherData: Record<string, string>
}

const processId = 1
const threads = { steps: 1, host: 2, submit: 3, gpu: 4 }
type Thread = keyof typeof threads

/** `otherData`: what it is of, as Perfetto shows it under info. */
export function chromeTrace({ steps, events }: Timeline, otherData: Record<string, string>): ChromeTrace {
  const complete = (thread: Thread, name: string, beginMs: number, elapsedMs: number, args = {}): CompleteEvent => ({
    ph: 'X',
    name,
    cat: thread,
    ts: beginMs * 1e3,
    dur: Math.max(0, elapsedMs) * 1e3,
    pid: processId,
    tid: threads[thread],
    args,
  })
  return {
    displayTimeUnit: 'ms',
    otherData,
    traceEvents: [
      { ph: 'M', name: 'process_name', pid: processId, tid: 0, args: { name: 'Moru' } },
      ...Object.entries(threads).flatMap(([name, tid]): MetadataEvent[] => [
        { ph: 'M', name: 'thread_name', pid: processId, tid, args: { name } },
        { ph: 'M', name: 'thread_sort_index', pid: processId, tid, args: { sort_index: tid } },
      ]),
      ...steps.map((step, i) => complete('steps', step.phase, step.beginMs, step.elapsedMs, { step: i })),
      ...events.map(({ lane, name, beginMs, elapsedMs, step, scope }) =>
        complete(lane, name, beginMs, elapsedMs, scope === '' ? { step } : { step, scope }),
      ),
    ],
  }
}
