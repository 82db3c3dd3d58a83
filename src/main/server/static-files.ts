/** The built window as files: looked up by URL path, never outside its folder. */
import { realpath, stat } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'

const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
  '.ttf': 'font/ttf',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
}

export interface StaticFile {
  /** Absolute, with symbolic links resolved. */
  path: string
  sizeBytes: number
  contentType: string
  /** The build writes a hash of the content into the name: it never changes under that name. */
  immutable: boolean
}

/** The file that a URL's (still encoded) path names under `root`; '/' is index.html. Null when there is none. */
export async function findStaticFile(root: string, urlPath: string): Promise<StaticFile | null> {
  const segments = decodeSegments(urlPath)
  if (!segments) return null
  try {
    const base = await realpath(root)
    const path = await realpath(join(base, ...(segments.length === 0 ? ['index.html'] : segments)))
    const info = await stat(path)
    if (!path.startsWith(base + sep) || !info.isFile()) return null
    const contentType = contentTypes[extname(path).toLowerCase()]
    // Only what the build makes is served: a kind of file that the window has no use for does not exist.
    if (!contentType) return null
    return { path, sizeBytes: info.size, contentType, immutable: segments[0] === 'assets' }
  } catch {
    return null
  }
}

/** Path segments, or null when one of them could mean another directory on some platform. */
function decodeSegments(urlPath: string): string[] | null {
  try {
    const segments = urlPath
      .split('/')
      .filter((s) => s !== '')
      .map(decodeURIComponent)
    return segments.some((s) => s.startsWith('.') || /[\\/:\0]/.test(s)) ? null : segments
  } catch {
    return null
  }
}
