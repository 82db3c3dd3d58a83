import { request } from 'node:http'
import { join } from 'node:path'
import { symlinkSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runningHost } from '../host/running'

interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** As curl --path-as-is: the path goes out as it stands. */
function get(port: number, path: string, options: { method?: string; host?: string } = {}): Promise<Answer> {
  const headers = options.host === undefined ? {} : { host: options.host }
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', path, method: options.method, headers }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }))
    })
    sent.on('error', reject).end()
  })
}

describe('the window over HTTP', () => {
  it('is served with its types, and with a policy that lets in nothing else', async () => {
    const { port } = await runningHost({})
    const page = await get(port, '/?token=abc')
    expect(page).toMatchObject({ status: 200, body: '<!doctype html><title>모루</title>' })
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    })
    const policy = String(page.headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain(`connect-src 'self' ws://127.0.0.1:${port};`)
    const script = await get(port, '/assets/index-1a2b.js')
    expect(script).toMatchObject({ status: 200, body: 'export {}' })
    expect(script.headers['cache-control']).toContain('immutable')
  })

  it('answers HEAD without a body and refuses what would change something', async () => {
    const { port } = await runningHost({})
    const head = await get(port, '/', { method: 'HEAD' })
    expect(head).toMatchObject({ status: 200, body: '' })
    expect(Number(head.headers['content-length'])).toBe(34 + 2)
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect((await get(port, '/', { method })).status).toBe(405)
  })

  it.each([
    '/../host.lock',
    '/..%2fhost.lock',
    '/%2e%2e/host.lock',
    '/assets/..%2f..%2fhost.lock',
    '/assets/..%5c..%5chost.lock',
    '/assets/%2e%2e%2f%2e%2e%2fhost.lock',
    '//etc/passwd',
    '/%00',
    '/%',
    '/assets',
    '/assets/',
    '/assets/notes.exe',
    '/.hidden.txt',
    '/link.txt',
    '/C:/Windows/win.ini',
    '/missing.js',
  ])('has nothing at %s', async (path) => {
    const { port, profile } = await runningHost({})
    writeFileSync(join(profile, 'outside.txt'), 'outside')
    writeFileSync(join(profile, 'renderer', '.hidden.txt'), 'hidden')
    symlinkSync(join(profile, 'outside.txt'), join(profile, 'renderer', 'link.txt'))
    const answer = await get(port, path)
    expect(answer.status).toBe(404)
    expect(answer.headers['x-content-type-options']).toBe('nosniff')
  })

  it('answers no name but its own', async () => {
    const { port } = await runningHost({})
    expect((await get(port, '/', { host: `localhost:${port}` })).status).toBe(200)
    for (const host of [`evil.example:${port}`, '127.0.0.1', '127.0.0.1:1'])
      expect((await get(port, '/', { host })).status, host).toBe(421)
  })
})
