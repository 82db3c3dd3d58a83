import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MoruError } from '../../../shared/errors'

export interface ChildCommand {
  entry: string
  /** Options of Node. */
  options: string[]
}

// Sources import each other without extension, which bundlers complete and Node does not.
const completeExtensions =
  'data:text/javascript,' +
  "import{registerHooks}from'node:module';" +
  "registerHooks({resolve(s,c,next){try{return next(s,c)}catch(e){if(!s.startsWith('.'))throw e;return next(s+'.ts',c)}}})"

/**
 * How to start a parser child: the built parser.js beside the bundle that this code runs in, or, where it runs from the
 * sources (tests), child.ts itself by Node's type stripping, so that a test never sees a stale build.
 */
export function childCommand(from: string = import.meta.url): ChildCommand {
  const folder = dirname(fileURLToPath(from))
  if (from.endsWith('.ts')) return { entry: join(folder, 'child.ts'), options: ['--import', completeExtensions] }
  const entry = [join(folder, 'parser.js'), join(folder, '..', 'parser.js')].find((path) => existsSync(path))
  if (entry) return { entry, options: [] }
  throw new MoruError('internal', `The document parser is missing beside ${folder}. Install Moru again.`)
}
