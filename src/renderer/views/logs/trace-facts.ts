/** A trace's figures as rows of label and value. */
import { useI18n } from 'vue-i18n'
import { type TraceDetail } from '../../../shared/contract/traces'
import { useFormat } from '../../composables/format'

export function useTraceFacts() {
  const { t, te } = useI18n()
  const format = useFormat()
  const number = (value: number | null) => (value === null ? '–' : format.number(value))
  /** Nothing where there is no value. */
  const row = (label: string, value: string | null): [label: string, value: string][] =>
    value ? [[t(label), value]] : []
  return (trace: TraceDetail): [label: string, value: string][] => {
    const root = trace.spans.find(({ parentId }) => parentId === null)?.attributes ?? {}
    const setting = (name: string): [string, string][] => {
      const value = root[name]
      if (value === undefined) return []
      return [
        [
          name.replace(/^(gen_ai\.request|moru\.request|moru\.load)\./, ''),
          typeof value === 'string' ? value : JSON.stringify(value),
        ],
      ]
    }
    const reason = trace.finishReason
    return [
      [t('logs.state'), t(`logs.states.${trace.state}`)],
      [t('logs.model'), trace.model ?? '–'],
      [t('logs.time'), format.date(trace.startedAt)],
      [t('logs.duration'), trace.durationMs === null ? '–' : format.duration(trace.durationMs)],
      [t('logs.ttft'), trace.ttftMs === null ? '–' : format.duration(trace.ttftMs)],
      [t('logs.tokens'), t('logs.inOut', { input: number(trace.inputTokens), output: number(trace.outputTokens) })],
      ...row('logs.finish', reason && (te(`logs.finishes.${reason}`) ? t(`logs.finishes.${reason}`) : reason)),
      ...row('logs.cache', trace.cache && t(`logs.caches.${trace.cache}`)),
      ...['gen_ai.request.temperature', 'gen_ai.request.top_k', 'gen_ai.request.top_p', 'moru.request.min_p', 'gen_ai.request.max_tokens', 'gen_ai.request.seed', 'moru.load.compute_type', 'moru.load.kv_type', 'moru.search.mode'].flatMap(setting), // prettier-ignore
    ]
  }
}
