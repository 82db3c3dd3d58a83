import { useI18n } from 'vue-i18n'
import { type Hit } from '../../shared/contract/knowledge'

/** A passage's place in words: the headings above it, without the `title` that is said beside it, and its page. */
export function usePlaceText() {
  const { t } = useI18n()
  return ({ headings, page }: Pick<Hit['place'], 'headings' | 'page'>, title?: string): string[] => [
    ...headings.filter((heading) => heading !== title),
    ...(page === null ? [] : [t('reader.page', { n: page })]),
  ]
}
