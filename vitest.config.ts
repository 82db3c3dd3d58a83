import tailwindcss from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'

const node = { environment: 'node' as const, pool: 'forks' as const, testTimeout: 60_000, hookTimeout: 60_000 }

export default defineConfig({
  test: {
    // By number: a bare system resolves no localhost.
    api: { host: '127.0.0.1' },
    projects: [
      // GPU work lives in forks: a worker thread that ends with work pending aborts the whole run.
      // Groups run one after the other: what a person would see is not judged while kernels compile beside it.
      { test: { ...node, name: 'engine', include: ['tests/engine/**/*.test.ts'], testTimeout: 300_000 } },
      { test: { ...node, name: 'services', include: ['tests/services/**/*.test.ts', 'tests/setup/**/*.test.ts'] } },
      {
        test: {
          ...node,
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // Each of them starts the whole product: side by side they would measure one another.
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          // A busy machine is slow, not wrong; what has to be quick is asserted as such.
          expect: { poll: { timeout: 30_000 } },
        },
      },
      {
        plugins: [vue(), tailwindcss()],
        // Bundled together: parts of ECharts that are found one after the other do not know each other.
        optimizeDeps: {
          include: ['echarts/charts', 'echarts/components', 'echarts/core', 'echarts/renderers', 'vue-echarts'],
        },
        test: {
          name: 'renderer',
          include: ['tests/renderer/**/*.test.ts'],
          sequence: { groupOrder: 1 },
          expect: { poll: { timeout: 10_000 } },
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: {
                executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
                args: [
                  '--no-sandbox',
                  '--disable-quic',
                  '--no-first-run',
                  '--disable-background-networking',
                  '--disable-component-update',
                  '--disable-sync',
                ],
              },
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  },
})
