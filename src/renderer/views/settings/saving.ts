import { useI18n } from 'vue-i18n'
import { useAttemptHere } from '../../composables/attempt-here'
import { useNotices } from '../../stores/notices'

/** Saves what was typed: a notice says that it is saved, `failure` why it is not. */
export function useSaving() {
  const { t } = useI18n()
  const notices = useNotices()
  const { failure, attempt } = useAttemptHere()
  async function saving(work: () => Promise<unknown>) {
    if (await attempt(work)) notices.show({ text: t('settings.saved') })
  }
  return { failure, saving }
}
