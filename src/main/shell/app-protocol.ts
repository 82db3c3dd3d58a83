/** The window's files under the product's own scheme, app://moru/. */
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { contentSecurityPolicy, securityHeaders } from '../server/security-headers'
import { findStaticFile } from '../server/static-files'

export const appOrigin = 'app://moru'

/** To be registered before Electron is ready. `standard` gives the scheme origins, `secure` what only https has. */
export const appScheme = {
  scheme: 'app',
  privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true },
}

/** Answers requests for the files in `root`, which are all there is. */
export function appProtocol(root: string): (request: { url: string; method: string }) => Promise<Response> {
  const headers = { ...securityHeaders, 'content-security-policy': contentSecurityPolicy() }
  return async ({ url, method }) => {
    const { host, pathname } = new URL(url)
    const file = host === 'moru' && method === 'GET' ? await findStaticFile(root, pathname) : null
    if (!file) return new Response('There is no such file.', { status: 404, headers })
    return new Response(Readable.toWeb(createReadStream(file.path)) as ReadableStream, {
      headers: { ...headers, 'content-type': file.contentType, 'content-length': String(file.sizeBytes) },
    })
  }
}
