// @ts-check
/** Opens an address in the person's own browser. */
import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { hasDisplay } from './start-mode.mjs'

/**
 * @param {string} url
 * @param {{ platform: string, env: NodeJS.ProcessEnv }} [where]
 * @returns {[string, ...string[]] | null} The command that opens it; null where there is no browser to open it in.
 */
export function openCommand(url, where = process) {
  // Not `start`: cmd would read the & between query parameters as the end of its command.
  if (where.platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler', url]
  if (where.platform === 'darwin') return ['open', url]
  const opener = hasDisplay(where) && onPath('xdg-open', where.env.PATH ?? '')
  return opener ? [opener, url] : null
}

/** @param {string} url Opened where there is a browser; where there is none, the printed address is all. */
export function openBrowser(url) {
  const command = openCommand(url)
  if (!command) return
  const child = spawn(command[0], command.slice(1), { stdio: 'ignore', detached: true })
  child.on('error', () => {})
  child.unref()
}

/**
 * Picks the product's address out of what it prints, whole even where it comes in pieces.
 * @param {(url: string) => void} found Called once.
 * @returns {(text: string) => void}
 */
export function addressWatcher(found) {
  let seen = ''
  let done = false
  return (text) => {
    if (done) return
    seen += text
    // Only a finished line: a token cut in half opens nothing.
    const url = /https?:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):\d+\/\S*(?=[\s\S]*\n)/.exec(seen)
    if (!url) return
    done = true
    found(url[0])
  }
}

/** @param {string} name @param {string} path @returns {string | null} */
function onPath(name, path) {
  for (const dir of path.split(delimiter)) {
    try {
      accessSync(join(dir, name), constants.X_OK)
      return join(dir, name)
    } catch {
      // Not in this folder.
    }
  }
  return null
}
