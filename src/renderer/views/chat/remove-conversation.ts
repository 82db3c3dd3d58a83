import { useI18n } from 'vue-i18n'
import { useRoute, useRouter } from 'vue-router'
import { useAttempt } from '../../composables/attempt'
import { useConversations } from '../../stores/conversations'
import { useNotices } from '../../stores/notices'

/** Deletes a conversation and offers to bring it back. */
export function useRemoveConversation() {
  const { t } = useI18n()
  const route = useRoute()
  const router = useRouter()
  const list = useConversations()
  const notices = useNotices()
  const attempt = useAttempt()

  return async (id: string, title: string) => {
    const shown = route.name === 'chat' && route.params.id === id
    const done = await attempt(() => list.remove(id))
    if (!done) return
    if (shown) await router.push('/chat')
    notices.show({
      text: t('chat.removed', { name: title || t('chat.untitled') }),
      action: {
        label: t('action.undo'),
        run: () =>
          void attempt(async () => {
            await list.restore(id)
            if (shown) await router.push({ name: 'chat', params: { id } })
          }),
      },
    })
  }
}
