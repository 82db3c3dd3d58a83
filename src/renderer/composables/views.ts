import { Activity, Box, LibraryBig, MessageSquare, ScrollText, Shrink } from '@lucide/vue'

/** The window's views in the order of the rail, without Settings. */
export const views = [
  { name: 'chat', to: '/chat', icon: MessageSquare, label: 'frame.chat' },
  { name: 'knowledge', to: '/knowledge', icon: LibraryBig, label: 'frame.knowledge' },
  { name: 'models', to: '/models', icon: Box, label: 'frame.models' },
  { name: 'quantize', to: '/quantize', icon: Shrink, label: 'frame.quantize' },
  { name: 'profile', to: '/profile', icon: Activity, label: 'frame.profile' },
  { name: 'logs', to: '/logs', icon: ScrollText, label: 'frame.logs' },
]
