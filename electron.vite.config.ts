import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'electron-vite'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

/** One build for every process: the Electron shell, the host and the command line in `main`; the bridge; the window. */
export default defineConfig({
  main: {
    build: {
      rollupOptions: {
        input: {
          index: path('src/main/index.ts'),
          host: path('src/main/host/index.ts'),
          serve: path('src/main/server/index.ts'),
          moru: path('src/main/cli/index.ts'),
          parser: path('src/main/rag/documents/child.ts'),
        },
        output: { format: 'es' },
      },
    },
  },
  preload: {
    // A sandboxed preload is CommonJS and may require nothing but 'electron'.
    build: {
      externalizeDeps: false,
      rollupOptions: {
        input: { index: path('src/preload/index.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: path('src/renderer'),
    plugins: [vue(), tailwindcss()],
    build: { minify: true, rollupOptions: { input: { index: path('src/renderer/index.html') } } },
  },
})
