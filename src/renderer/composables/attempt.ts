import { useNotices } from '../stores/notices'
import { useErrorText } from './error-text'

/** Runs an action; what goes wrong is told in a notice. Answers whether it succeeded. */
export function useAttempt() {
  const notices = useNotices()
  const describe = useErrorText()
  return async (work: () => Promise<unknown>): Promise<boolean> => {
    try {
      await work()
      return true
    } catch (thrown) {
      const { title, why, advice } = describe(thrown)
      notices.show({ kind: 'error', text: title, detail: `${why} ${advice}` })
      return false
    }
  }
}
