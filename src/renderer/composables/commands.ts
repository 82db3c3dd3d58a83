import {
  Box,
  Download,
  FlaskConical,
  FolderInput,
  Languages,
  LibraryBig,
  MessageSquare,
  Plus,
  Power,
  Settings,
  SunMoon,
} from '@lucide/vue'
import { type Component, computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'
import { useCollections } from '../stores/collections'
import { useConversations } from '../stores/conversations'
import { useEngine } from '../stores/engine'
import { useModels } from '../stores/models'
import { useSettings } from '../stores/settings'
import { views } from './views'

export interface Command {
  id: string
  group: string
  label: string
  icon: Component
  run: () => void
}

/** Everything the command palette offers: views, actions, conversations, models. */
export function useCommands() {
  const { t, locale } = useI18n()
  const router = useRouter()
  const conversations = useConversations()
  const collections = useCollections()
  const models = useModels()
  const engine = useEngine()
  const settings = useSettings()
  const go = (path: string, query: Record<string, string> = {}) => void router.push({ path, query })

  const places = computed<Command[]>(() => [
    ...views.map(({ name, to, icon, label }) => ({
      id: `view-${name}`,
      group: t('palette.view'),
      label: t(label),
      icon,
      run: () => go(to),
    })),
    {
      id: 'view-runs',
      group: t('palette.view'),
      label: t('runs.title'),
      icon: FlaskConical,
      run: () => go('/logs/runs'),
    },
    {
      id: 'view-settings',
      group: t('palette.view'),
      label: t('frame.settings'),
      icon: Settings,
      run: () => go('/settings'),
    },
  ])

  const themes = computed<Command[]>(() =>
    (['system', 'light', 'dark'] as const).map((theme) => ({
      id: `theme-${theme}`,
      group: t('palette.action'),
      label: `${t('settings.theme')}: ${t(`settings.themes.${theme}`)}`,
      icon: SunMoon,
      run: () => void settings.update({ theme }),
    })),
  )

  const actions = computed<Command[]>(() => [
    { id: 'new-chat', group: t('palette.action'), label: t('chat.new'), icon: Plus, run: () => go('/chat') },
    {
      id: 'new-collection',
      group: t('palette.action'),
      label: t('knowledge.create'),
      icon: Plus,
      run: () => go('/knowledge', { add: 'collection' }),
    },
    {
      id: 'import-model',
      group: t('palette.action'),
      label: t('models.import'),
      icon: FolderInput,
      run: () => go('/models', { add: 'import' }),
    },
    {
      id: 'download-model',
      group: t('palette.action'),
      label: t('models.download'),
      icon: Download,
      run: () => go('/models', { add: 'hub' }),
    },
    ...(engine.status?.model
      ? [
          {
            id: 'unload',
            group: t('palette.action'),
            label: t('engine.unload'),
            icon: Power,
            run: () => void engine.unload(),
          },
        ]
      : []),
    {
      id: 'language',
      group: t('palette.action'),
      label: locale.value === 'ko' ? 'Switch to English' : '한국어로 바꾸기',
      icon: Languages,
      run: () => void settings.update({ language: locale.value === 'ko' ? 'en' : 'ko' }),
    },
    ...themes.value,
  ])

  const chats = computed<Command[]>(() =>
    conversations.ordered.map((row) => ({
      id: `chat-${row.id}`,
      group: t('palette.conversation'),
      label: row.title || t('chat.untitled'),
      icon: MessageSquare,
      run: () => go(`/chat/${row.id}`),
    })),
  )

  const knowledge = computed<Command[]>(() =>
    collections.collections.map((collection) => ({
      id: `collection-${collection.id}`,
      group: t('palette.collection'),
      label: collection.name,
      icon: LibraryBig,
      run: () => void router.push({ name: 'collection', params: { id: collection.id } }),
    })),
  )

  const library = computed<Command[]>(() =>
    models.models.map((model) => ({
      id: `model-${model.id}`,
      group: t('palette.model'),
      label: model.name,
      icon: Box,
      run: () => void router.push({ name: 'model', params: { id: model.id } }),
    })),
  )

  return computed(() => [...places.value, ...actions.value, ...chats.value, ...knowledge.value, ...library.value])
}
