import { defineStore } from 'pinia'
import { reactive } from 'vue'
import { type EventOf, type InputOf } from '../../shared/contract'
import { type evaluateRetrieval } from '../../shared/contract/knowledge'
import { toMoruError } from '../../shared/errors'
import { useClient } from '../api'

type Event = EventOf<typeof evaluateRetrieval>
export type EvaluationResult = Extract<Event, { kind: 'finished' }>

export interface Evaluation {
  progress: Extract<Event, { kind: 'progress' }> | null
  result: EvaluationResult | null
  failure: unknown
  /** Ends it; null: none is running. */
  abort: AbortController | null
}

/** Evaluations by collection: they go on while other parts of the window are looked at. */
export const useEvaluation = defineStore('evaluation', () => {
  const { api } = useClient()
  const evaluations = reactive(new Map<string, Evaluation>())

  function of(collectionId: string): Evaluation {
    if (!evaluations.has(collectionId))
      evaluations.set(collectionId, { progress: null, result: null, failure: null, abort: null })
    return evaluations.get(collectionId) as Evaluation
  }

  async function run(collectionId: string, input: InputOf<typeof evaluateRetrieval>) {
    const evaluation = of(collectionId)
    evaluation.abort?.abort()
    const abort = new AbortController()
    Object.assign(evaluation, { progress: null, result: null, failure: null, abort })
    try {
      for await (const event of api.evaluate.retrieval(input, { signal: abort.signal })) {
        if (abort.signal.aborted) return
        if (event.kind === 'progress') evaluation.progress = event
        else evaluation.result = event
      }
    } catch (thrown) {
      if (toMoruError(thrown).code !== 'cancelled') evaluation.failure = thrown
    } finally {
      if (evaluation.abort?.signal === abort.signal) Object.assign(evaluation, { progress: null, abort: null })
    }
  }

  return { of, run, stop: (collectionId: string) => of(collectionId).abort?.abort() }
})
