import { createRouter, createWebHashHistory, type RouteRecordRaw } from 'vue-router'
import ChatView from './views/chat/chat-view.vue'
import CollectionView from './views/knowledge/collection-view.vue'
import KnowledgeView from './views/knowledge/knowledge-view.vue'
import LogsView from './views/logs/logs-view.vue'
import RunsView from './views/logs/runs-view.vue'
import ModelView from './views/models/model-view.vue'
import ModelsView from './views/models/models-view.vue'
import QuantizeView from './views/quantize/quantize-view.vue'
import ProfileView from './views/profile/profile-view.vue'
import SettingsView from './views/settings/settings-view.vue'

export const routes: RouteRecordRaw[] = [
  { path: '/', redirect: '/chat' },
  { path: '/chat/:id?', name: 'chat', component: ChatView },
  { path: '/knowledge', name: 'knowledge', component: KnowledgeView },
  { path: '/knowledge/:id/:tab?', name: 'collection', component: CollectionView },
  { path: '/models', name: 'models', component: ModelsView },
  { path: '/models/:id', name: 'model', component: ModelView },
  { path: '/quantize/:tab?', name: 'quantize', component: QuantizeView },
  { path: '/profile/:part?', name: 'profile', component: ProfileView },
  { path: '/logs/runs', name: 'runs', component: RunsView },
  { path: '/logs/:id?', name: 'logs', component: LogsView },
  { path: '/settings', name: 'settings', component: SettingsView },
  { path: '/:rest(.*)*', redirect: '/chat' },
]

/** Routes live behind the hash, so that reload and back keep the place under Electron and in a browser tab alike. */
export const createAppRouter = () => createRouter({ history: createWebHashHistory(), routes })
