import './zod-setup'
import './styles/main.css'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import { clientKey, createClient } from './api'
import App from './app.vue'
import { applyTheme, recallLook } from './composables/look'
import { createTexts } from './locales'
import { createAppRouter } from './router'

applyTheme(recallLook().theme)
createApp(App)
  .provide(clientKey, createClient())
  .use(createTexts())
  .use(createPinia())
  .use(createAppRouter())
  .mount('#app')
