import { useI18n } from 'vue-i18n'
import { toMoruError } from '../../shared/errors'

export interface ErrorText {
  /** What happened, in the reader's language. */
  title: string
  /** Why: the host's own words. */
  why: string
  /** What to do. */
  advice: string
}

/** Any thrown value as text for a person: what happened, why, what to do. */
export function useErrorText() {
  const { t } = useI18n()
  return (thrown: unknown): ErrorText => {
    const { code, message } = toMoruError(thrown)
    return { title: t(`error.${code}.title`), why: message, advice: t(`error.${code}.advice`) }
  }
}
