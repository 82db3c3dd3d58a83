// Runs a benchmark of this folder: node bench/run.mjs NAME [options of its own]. Node 24; the sources are bundled first,
// because they import each other as bundlers do.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { build } from 'vite'

const root = resolve(import.meta.dirname, '..')
const [name, ...options] = process.argv.slice(2)
const entry = resolve(import.meta.dirname, `${name}.ts`)
if (!name || !existsSync(entry)) {
  console.error('Usage: node bench/run.mjs NAME [options]; the names are the .ts files of bench/.')
  process.exit(2)
}
// Beside the dependencies, so that the program finds them.
const outDir = resolve(root, 'node_modules/.cache/moru-bench', name)
await build({
  configFile: false,
  root,
  logLevel: 'error',
  build: { ssr: entry, outDir, target: 'node24', copyPublicDir: false, emptyOutDir: true },
})
const child = spawn(process.execPath, ['--expose-gc', resolve(outDir, `${name}.js`), ...options], { stdio: 'inherit' })
child.on('exit', (code) => process.exit(code ?? 1))
