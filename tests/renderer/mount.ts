import '../../src/renderer/zod-setup'
import '../../src/renderer/styles/main.css'
import { flushPromises, mount } from '@vue/test-utils'
import { page } from 'vitest/browser'
import { createPinia } from 'pinia'
import { createMemoryHistory, createRouter } from 'vue-router'
import { type Component } from 'vue'
import { Client, clientKey } from '../../src/renderer/api'
import App from '../../src/renderer/app.vue'
import { createTexts } from '../../src/renderer/locales'
import { routes } from '../../src/renderer/router'
import { aWorld, handlersFor, type World } from './host/handlers'
import { TestHost } from './host/test-host'

/** The whole window over a host in the test, at `path`, attached to the page. */
export async function openWindow(path: string, change: Partial<World> = {}, language: 'en' | 'ko' = 'en') {
  await page.viewport(1280, 800)
  localStorage.clear()
  const world = aWorld(change)
  world.settings = { ...world.settings, language }
  const host = new TestHost(handlersFor(world))
  const router = createRouter({ history: createMemoryHistory(), routes })
  await router.push(path)
  const root = document.createElement('div')
  root.id = 'app'
  document.body.append(root)
  const wrapper = mount(App, {
    attachTo: root,
    global: {
      plugins: [createTexts(language), createPinia(), router],
      provide: { [clientKey as symbol]: new Client(host) },
    },
  })
  await flushPromises()
  return { wrapper, world, host, router, close: () => (wrapper.unmount(), root.remove()) }
}

/** One component with texts and stores, without a host. */
export function place(component: Component, props: Record<string, unknown>, language: 'en' | 'ko' = 'en') {
  return mount(component, {
    attachTo: document.body,
    props,
    global: { plugins: [createTexts(language), createPinia()] },
  })
}
