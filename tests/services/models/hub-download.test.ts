import { mkdtemp, readdir, readFile, rm, stat, symlink, mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { download, type DownloadOptions } from '../../../src/main/models/hub/download'
import { HubTransport } from '../../../src/main/models/hub/transport'
import { commit, HubServer } from './hub-server'

const retry = { attempts: 4, baseMs: 5, maxMs: 2000 }
let server: HubServer
let folder: string

beforeEach(async () => {
  server = await HubServer.start()
  folder = await mkdtemp(join(tmpdir(), 'moru-모델 '))
})
afterEach(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

/** Bytes without a period, so that a piece put in the wrong place shows. */
function content(length: number, seed = 1): Buffer {
  let state = seed
  return Buffer.from(Uint8Array.from({ length }, () => (state = (state * 48271) % 2147483647) & 255))
}

const transport = (token: string | null = null, idleTimeoutMs = 30_000) =>
  new HubTransport({ endpoint: server.url, proxy: null, token }, { environment: {}, idleTimeoutMs })

const fetchFiles = (files: string[], options: Partial<DownloadOptions> = {}, from = transport(), repo = 'org/model') =>
  download(from, { repo, revision: 'main', files }, { modelsFolder: folder, retry, onProgress: () => undefined, ...options }) // prettier-ignore

const ranges = (path: string) => server.requests('cdn', path).map((request) => request.headers.range)
const place = (...path: string[]) => join(folder, 'org', 'model', ...path)
const names = async () => (await readdir(place())).sort()

describe('a download', () => {
  it('puts LFS and plain files in place, bytes equal, and reports progress to the end', async () => {
    const [weights, config] = [content(300_000), Buffer.from('{"a":1}')]
    server.add('org/model', 'deep/folder/weights.gguf', weights)
    server.add('org/model', 'config.json', config, false)
    server.add('org/model', 'empty.txt', Buffer.alloc(0), false)
    const progress: number[][] = []
    const done = await fetchFiles(['deep/folder/weights.gguf', 'config.json', 'empty.txt'], {
      onProgress: (...now) => progress.push(now),
    })
    expect(await readFile(place('deep', 'folder', 'weights.gguf'))).toEqual(weights)
    expect(await readFile(place('config.json'))).toEqual(config)
    expect((await stat(place('empty.txt'))).size).toBe(0)
    expect(done.paths[0]).toBe(place('deep', 'folder', 'weights.gguf'))
    expect(progress.at(-1)).toEqual([300_007, 300_007, 0])
    expect(await names()).toEqual(['config.json', 'deep', 'empty.txt'])
    expect(server.requests('hub', '/resolve/').every((r) => r.path.includes(`/resolve/${commit}/`))).toBe(true)
  })

  it('fetches nothing again that is in place with the right hash, and again what is not', async () => {
    server.add('org/model', 'a.gguf', content(1000))
    await fetchFiles(['a.gguf'])
    await fetchFiles(['a.gguf'])
    expect(server.requests('cdn', 'a.gguf')).toHaveLength(1)
    await writeFile(place('a.gguf'), content(1000, 7))
    await fetchFiles(['a.gguf'])
    expect(await readFile(place('a.gguf'))).toEqual(content(1000))
    expect(server.requests('cdn', 'a.gguf')).toHaveLength(2)
  })

  it('brings the other shards, and what belongs to safetensors', async () => {
    for (const path of ['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf', 'other.gguf'])
      server.add('org/model', path, content(10))
    await fetchFiles(['m-00002-of-00002.gguf'])
    expect(await names()).toEqual(['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf'])
    for (const path of ['model.safetensors', 'config.json', 'tokenizer.json', 'picture.png'])
      server.add('org/st', path, content(10))
    await fetchFiles(['model.safetensors'], {}, transport(), 'org/st')
    expect((await readdir(join(folder, 'org', 'st'))).sort()).toEqual([
      'config.json',
      'model.safetensors',
      'tokenizer.json',
    ])
  })
})

describe('when the network fails', () => {
  it('goes on where a dropped connection broke off', async () => {
    const weights = content(200_000)
    server.add('org/model', 'a.gguf', weights)
    server.fail('a.gguf', { kind: 'drop', after: 60_000 }, { kind: 'drop', after: 60_000 })
    await fetchFiles(['a.gguf'])
    expect(await readFile(place('a.gguf'))).toEqual(weights)
    expect(ranges('a.gguf')).toEqual([undefined, 'bytes=60000-', 'bytes=120000-'])
  })

  it('survives more drops than its number of tries as long as each gets further', async () => {
    server.add('org/model', 'a.gguf', content(100_000))
    server.fail('a.gguf', ...Array.from({ length: 9 }, () => ({ kind: 'drop' as const, after: 10_000 })))
    await fetchFiles(['a.gguf'])
    expect(server.requests('cdn', 'a.gguf')).toHaveLength(10)
  })

  it('gives up in the end, keeps the part, and takes it up on the next try', async () => {
    const weights = content(200_000)
    server.add('org/model', 'a.gguf', weights)
    const down = Array.from({ length: 4 }, () => ({ kind: 'status' as const, status: 503 }))
    server.fail('a.gguf', { kind: 'drop', after: 50_000 }, ...down)
    await expect(fetchFiles(['a.gguf'])).rejects.toMatchObject({ code: 'network', message: /503/ })
    expect(await names()).toEqual(['a.gguf.part', 'a.gguf.part.json'])
    const progress: number[][] = []
    await fetchFiles(['a.gguf'], { onProgress: (...now) => progress.push(now) })
    expect(await readFile(place('a.gguf'))).toEqual(weights)
    expect(ranges('a.gguf').at(-1)).toBe('bytes=50000-')
    expect(progress[0]).toEqual([50_000, 200_000, 50_000])
    expect(await names()).toEqual(['a.gguf'])
  })

  it('starts anew when the server ignores ranges', async () => {
    server.add('org/model', 'a.gguf', content(50_000))
    server.fail('a.gguf', { kind: 'drop', after: 20_000 }, { kind: 'ignoreRange' })
    await fetchFiles(['a.gguf'])
    expect(await readFile(place('a.gguf'))).toEqual(content(50_000))
  })

  it('starts anew when the ETag has changed, whether or not the server heeds If-Range', async () => {
    server.add('org/model', 'a.gguf', content(50_000))
    server.fail('a.gguf', { kind: 'etag', etag: '"x"' })
    server.fail('a.gguf', { kind: 'drop', after: 20_000 }, { kind: 'etag', etag: '"other"' })
    const positions: number[] = []
    await fetchFiles(['a.gguf'], { onProgress: (bytes) => positions.push(bytes) })
    expect(server.requests('cdn', 'a.gguf')[1].headers['if-range']).toMatch(/^"[0-9a-f]{16}"$/)
    expect(await readFile(place('a.gguf'))).toEqual(content(50_000))
    expect(positions.lastIndexOf(0)).toBeGreaterThan(positions.indexOf(20_000))
  })

  it('starts anew when the file on the hub is another than the part belongs to', async () => {
    server.add('org/model', 'a.gguf', content(50_000))
    server.fail(
      'a.gguf',
      { kind: 'drop', after: 20_000 },
      ...Array.from({ length: 4 }, () => ({ kind: 'status' as const, status: 500 })),
    )
    await expect(fetchFiles(['a.gguf'])).rejects.toMatchObject({ code: 'network' })
    server.add('org/model', 'a.gguf', content(50_000, 9))
    await fetchFiles(['a.gguf'])
    expect(await readFile(place('a.gguf'))).toEqual(content(50_000, 9))
    expect(ranges('a.gguf').at(-1)).toBeUndefined()
  })

  it('waits as long as Retry-After asks, and no longer than the limit', async () => {
    server.add('org/model', 'a.gguf', content(100))
    server.fail('a.gguf', { kind: 'status', status: 429, headers: { 'retry-after': '1' } })
    const started = performance.now()
    await fetchFiles(['a.gguf'])
    expect(performance.now() - started).toBeGreaterThan(990)
    server.add('org/model', 'b.gguf', content(100))
    server.fail('b.gguf', { kind: 'status', status: 429, headers: { 'retry-after': '3600' } })
    await expect(fetchFiles(['b.gguf'])).rejects.toMatchObject({
      code: 'network',
      message: /429 and asks to wait 3600 s/,
    })
    expect(server.requests('cdn', 'b.gguf')).toHaveLength(1)
  })

  it('takes a silent server for a dropped connection', async () => {
    server.add('org/model', 'a.gguf', content(50_000))
    server.fail('a.gguf', { kind: 'stall', after: 10_000 })
    await fetchFiles(['a.gguf'], {}, transport(null, 200))
    expect(ranges('a.gguf')).toEqual([undefined, 'bytes=10000-'])
  })

  it('says which host cannot be reached', async () => {
    const gone = transport()
    await server.stop()
    const failed = fetchFiles(['a.gguf'], {}, gone)
    await expect(failed).rejects.toMatchObject({ code: 'network', message: /127\.0\.0\.1.*ECONNREFUSED.*Settings/ })
    server = await HubServer.start()
  })
})

describe('what is not what the hub lists', () => {
  it.each([true, false])('is refused by its hash and deleted (LFS: %s)', async (lfs) => {
    server.add('org/model', 'a.gguf', content(20_000), lfs)
    server.fail('a.gguf', { kind: 'corrupt' })
    await expect(fetchFiles(['a.gguf'])).rejects.toMatchObject({
      code: 'invalid_file',
      message: /other bytes.*"a\.gguf"/,
    })
    expect(await names()).toEqual([])
    await fetchFiles(['a.gguf'])
    expect(await names()).toEqual(['a.gguf'])
  })

  it('is refused when only the resumed piece is wrong', async () => {
    server.add('org/model', 'a.gguf', content(20_000))
    server.fail('a.gguf', { kind: 'drop', after: 10_000 }, { kind: 'corrupt' })
    await expect(fetchFiles(['a.gguf'])).rejects.toMatchObject({ code: 'invalid_file' })
    expect(await names()).toEqual([])
  })

  it('is refused by its size, told or untold', async () => {
    server.add('org/model', 'a.gguf', content(20_000))
    server.fail('a.gguf', { kind: 'wrongSize' })
    await expect(fetchFiles(['a.gguf'])).rejects.toMatchObject({ code: 'network', message: /20004 bytes.*20000 bytes/ })
    server.fail('a.gguf', { kind: 'tooLong' })
    await expect(fetchFiles(['a.gguf'])).rejects.toMatchObject({ code: 'invalid_file', message: /more than the 20000/ })
    expect(await names()).toEqual([])
  })

  it('never replaces a good file', async () => {
    server.add('org/model', 'a.gguf', content(20_000))
    await fetchFiles(['a.gguf'])
    server.add('org/model', 'a.gguf', content(30_000, 2))
    server.fail('a.gguf', { kind: 'corrupt' })
    await expect(fetchFiles(['a.gguf'])).rejects.toMatchObject({ code: 'invalid_file' })
    expect(await readFile(place('a.gguf'))).toEqual(content(20_000))
  })

  it('is told by the hash that git gives a file outside LFS', async () => {
    // 2ef5be76... is what `printf '모루\n' | git hash-object --stdin` prints.
    const entry = { type: 'file', path: 'a.txt', size: 7, oid: '2ef5be7664c0338f2b626da1859e6eddef6f5d24' }
    server.answers.set(`/api/models/org/model/tree/${commit}`, { body: JSON.stringify([entry]) })
    server.add('org/model', 'a.txt', Buffer.from('모로\n'), false)
    await expect(fetchFiles(['a.txt'])).rejects.toMatchObject({ code: 'invalid_file' })
    server.add('org/model', 'a.txt', Buffer.from('모루\n'), false)
    await fetchFiles(['a.txt'])
    expect(await readFile(place('a.txt'), 'utf8')).toBe('모루\n')
  })
})

describe('stopping', () => {
  it('cancels within a second, keeps the parts and goes on later', async () => {
    server.add('org/model', 'a.gguf', content(100_000))
    server.add('org/model', 'b.gguf', content(100_000, 2))
    const pace = { kind: 'slow' as const, bytesPerTick: 500, tickMs: 50 }
    server.fail('a.gguf', pace)
    server.fail('b.gguf', pace)
    const controller = new AbortController()
    let abortedAt = 0
    const onProgress = (bytes: number) => {
      if (bytes < 2000 || abortedAt > 0) return
      abortedAt = performance.now()
      controller.abort()
    }
    await expect(fetchFiles(['a.gguf', 'b.gguf'], { signal: controller.signal, onProgress })).rejects.toMatchObject({
      code: 'cancelled',
    })
    expect(performance.now() - abortedAt).toBeLessThan(1000)
    await fetchFiles(['a.gguf', 'b.gguf'])
    expect(await readFile(place('b.gguf'))).toEqual(content(100_000, 2))
    expect(server.requests('cdn', 'a.gguf')[1].headers.range).toMatch(/^bytes=\d+-$/)
  })

  it('cancels while it waits to try again', async () => {
    server.add('org/model', 'a.gguf', content(100))
    server.fail('a.gguf', { kind: 'status', status: 503, headers: { 'retry-after': '2' } })
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 100)
    const started = performance.now()
    await expect(fetchFiles(['a.gguf'], { signal: controller.signal })).rejects.toMatchObject({ code: 'cancelled' })
    expect(performance.now() - started).toBeLessThan(1000)
  })

  it('stops the other files when one fails, and tells that one failure', async () => {
    server.add('org/model', 'a.gguf', content(1_000_000))
    server.add('org/model', 'b.gguf', content(1000))
    server.fail('a.gguf', { kind: 'slow', bytesPerTick: 100, tickMs: 20 })
    server.fail('b.gguf', { kind: 'corrupt' })
    await expect(fetchFiles(['a.gguf', 'b.gguf'])).rejects.toMatchObject({ code: 'invalid_file', message: /"b\.gguf"/ })
  })

  it('refuses a second download of the same repository meanwhile', async () => {
    server.add('org/model', 'a.gguf', content(1000))
    const first = fetchFiles(['a.gguf'])
    await expect(fetchFiles(['a.gguf'])).rejects.toMatchObject({ code: 'busy' })
    await first
    await fetchFiles(['a.gguf'])
  })
})

describe('the disk', () => {
  it('is asked for room before anything is fetched', async () => {
    server.add('org/model', 'a.gguf', content(1000))
    server.listedSizes.set('a.gguf', 4e15)
    await expect(fetchFiles(['a.gguf'])).rejects.toMatchObject({ code: 'io', message: /4000000\.0 GB.* free/ })
    expect(server.requests('cdn', 'a.gguf')).toHaveLength(0)
  })

  // /dev/full is a device that answers every write as a full disk does.
  it.runIf(process.platform === 'linux')('says when it is full', async () => {
    server.add('org/model', 'a.gguf', content(1000))
    await mkdir(place(), { recursive: true })
    await symlink('/dev/full', place('a.gguf.part'))
    await expect(fetchFiles(['a.gguf'])).rejects.toMatchObject({ code: 'io', message: /disk is full/ })
    expect(await names()).not.toContain('a.gguf')
  })
})

describe('hostile names', () => {
  const evil = ['../../evil.gguf', '/etc/evil.gguf', 'a\\..\\evil.gguf', 'C:evil.gguf', 'con.gguf', 'a/aux/b.gguf', 'x\n.gguf', 'dot./a.gguf', 'a//b.gguf', 'a.gguf.part', 'LPT¹', `${'x'.repeat(300)}.gguf`] // prettier-ignore
  it.each(evil)('of files never reach the disk: %j', async (path) => {
    server.add('org/model', path, content(10))
    await expect(fetchFiles([path])).rejects.toMatchObject({ code: 'invalid_input' })
    expect(await readdir(folder)).toEqual([])
  })

  it.each([
    '../model',
    'org/..',
    'a/b/c',
    'org/mo del',
    'org\\model',
    '/etc',
    'org/',
    'aux/model',
    'org/nul.x',
    '-/x',
    'a--b/c',
  ])('of repositories are refused: %j', async (repo) => {
    await expect(fetchFiles(['a.gguf'], {}, transport(), repo)).rejects.toMatchObject({ code: 'invalid_input' })
    expect(server.seen).toEqual([])
  })

  it('refuses names that are one file on disks without case', async () => {
    server.add('org/model', 'a.gguf', content(10))
    server.add('org/model', 'A.gguf', content(10))
    await expect(fetchFiles(['a.gguf', 'A.gguf'])).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('keeps Korean names as they are', async () => {
    server.add('org/model', '모델/한국어 모델.gguf', content(10))
    await fetchFiles(['모델/한국어 모델.gguf'])
    expect(await readFile(place('모델', '한국어 모델.gguf'))).toEqual(content(10))
  })
})
