/** What happened when, on three lanes: the host's work, submissions, and kernels on the GPU. */

export const lanes = ['host', 'submit', 'gpu'] as const
export type Lane = (typeof lanes)[number]

export interface TimelineEvent {
  lane: Lane
  /** A kernel's name; on the other lanes what is done: record, submit, wait, sample, deliver, profile. */
  name: string
  /** Where in the model a kernel ran. */
  scope: string
  step: number
  /** Milliseconds since the request. */
  beginMs: number
  elapsedMs: number
}

export type Phase = 'prefill' | 'decode'

export interface TimelineStep {
  phase: Phase
  beginMs: number
  elapsedMs: number
}

export interface Timeline {
  steps: TimelineStep[]
  events: TimelineEvent[]
}
