import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'

const root = join(import.meta.dirname, '../../..')

/**
 * Bundles an entry for plain Node, as the product's build does, into a folder of its own inside the checkout
 * (dependencies are found from there). Answers the file, and a function that removes it.
 */
export async function buildForNode(entry: string): Promise<{ file: string; remove: () => void }> {
  mkdirSync(join(root, 'out'), { recursive: true })
  const outDir = mkdtempSync(join(root, 'out', 'test-'))
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    build: { ssr: entry, outDir, minify: false, rollupOptions: { output: { entryFileNames: 'entry.js' } } },
  })
  return { file: join(outDir, 'entry.js'), remove: () => rmSync(outDir, { recursive: true, force: true }) }
}
