import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MoruError } from '../../../src/shared/errors'
import { channels } from '../../../src/shared/shell-channels'
import { runShell } from '../../../src/main/shell/application'
import { type Supervisor } from '../../../src/main/supervisor/supervisor'
import { temporaryDirectory } from '../host/running'
import { fakeElectron, FakeSupervisor, FakeWindow } from './fake-electron'

function started(locale?: string, answers?: Parameters<typeof fakeElectron>[1], profile = temporaryDirectory()) {
  const rendererDirectory = join(profile, 'renderer')
  mkdirSync(join(rendererDirectory, 'assets'), { recursive: true })
  writeFileSync(join(rendererDirectory, 'index.html'), '<!doctype html>')
  writeFileSync(join(rendererDirectory, 'assets', 'a.js'), 'export {}')
  const electron = fakeElectron(locale, answers)
  const supervisor = new FakeSupervisor()
  runShell(electron.calls, {
    profile,
    supervisor: supervisor as unknown as Supervisor,
    rendererDirectory,
    preload: '/app/preload.cjs',
    developmentOrigin: null,
  })
  const window = FakeWindow.all[0]
  const ownFrame = { url: 'app://moru/#/chat', parent: null }
  /** A message as a page of `window` sends it. */
  const page = (channel: string, values: unknown[], frame: object | null = ownFrame, from = window) =>
    electron.ipc.emit(channel, { sender: from.webContents, senderFrame: frame }, ...values)
  return { ...electron, supervisor, window, page, ownFrame, profile }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('a window', () => {
  it('is isolated, sandboxed, and shows the product’s own page', () => {
    const { window } = started()
    expect(window.url).toBe('app://moru/')
    expect(window.options.webPreferences).toMatchObject({
      preload: '/app/preload.cjs',
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
    })
  })

  it('opens no window; links to the web go to the browser, others nowhere', () => {
    const { window, opened } = started()
    const open = (url: string) => window.webContents.openHandler({ url })
    expect(open('https://huggingface.co/a b')).toEqual({ action: 'deny' })
    expect(open('http://127.0.0.1:8080/x')).toEqual({ action: 'deny' })
    for (const url of [
      'file:///etc/passwd',
      'javascript:alert(1)',
      'smb://host/share',
      'ms-calculator:',
      'app://moru/',
      'https://user:pw@a.example/',
      '\\\\host\\share',
      '',
    ])
      expect(open(url)).toEqual({ action: 'deny' })
    expect(opened).toEqual(['https://huggingface.co/a%20b', 'http://127.0.0.1:8080/x'])
  })

  it('stays on its page, by link and by redirect', () => {
    const { window, opened } = started()
    const contents = window.webContents
    expect(contents.prevents('will-navigate', 'app://moru/#/models')).toBe(false)
    for (const url of [
      'app://evil/',
      'app://moru.evil/',
      'file:///tmp/a.html',
      'data:text/html,x',
      'https://app/',
      'about:blank',
    ])
      expect(contents.prevents('will-navigate', url), url).toBe(true)
    expect(contents.prevents('will-redirect', 'https://evil.example/')).toBe(true)
    expect(contents.prevents('will-attach-webview', '')).toBe(true)
    expect(opened).toEqual(['https://app/'])
  })

  it('gets no permission but to copy text, and that for its own page alone', () => {
    const { session } = started()
    const ask = (permission: string, requestingUrl: string, isMainFrame = true) => {
      let answer: boolean | null = null
      session.request(null, permission, (granted) => (answer = granted), { requestingUrl, isMainFrame })
      return answer
    }
    for (const permission of [
      'media',
      'geolocation',
      'notifications',
      'openExternal',
      'clipboard-read',
      'fullscreen',
      'hid',
      'fileSystem',
      'unknown',
    ]) {
      expect(ask(permission, 'app://moru/'), permission).toBe(false)
      expect(session.check(null, permission, 'app://moru'), permission).toBe(false)
    }
    expect(ask('clipboard-sanitized-write', 'app://moru/#/chat')).toBe(true)
    expect(ask('clipboard-sanitized-write', 'app://moru/', false)).toBe(false)
    expect(ask('clipboard-sanitized-write', 'https://evil.example/')).toBe(false)
    expect(session.check(null, 'clipboard-sanitized-write', 'https://evil.example')).toBe(false)
    expect(session.device()).toBe(false)
  })
})

describe('the app scheme', () => {
  it('serves the window’s files under a strict policy, and nothing beside them', async () => {
    const { seen, profile } = started()
    writeFileSync(join(profile, 'secret.txt'), 'secret')
    const get = (url: string, method = 'GET') => seen.protocol({ url, method })
    const index = await get('app://moru/')
    expect([index.status, await index.text()]).toEqual([200, '<!doctype html>'])
    expect(index.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(index.headers.get('content-security-policy')).toContain("connect-src 'self';")
    expect(index.headers.get('x-content-type-options')).toBe('nosniff')
    expect((await get('app://moru/assets/a.js')).headers.get('content-type')).toContain('javascript')
    for (const url of [
      'app://moru/..%2fsecret.txt',
      'app://moru/assets/..%2f..%2fsecret.txt',
      'app://evil/',
      'app://moru/none',
    ])
      expect((await get(url)).status, url).toBe(404)
    expect((await get('app://moru/', 'POST')).status).toBe(404)
  })
})

describe('frames', () => {
  it('go both ways, a connection for each page', () => {
    const { page, supervisor, window } = started()
    supervisor.ready()
    page(channels.hostState, ['p1'])
    page(channels.frame, ['p1', '{"type":"cancel","id":1}'])
    const [{ connection }] = supervisor.sent as { connection: string }[]
    expect(supervisor.sent).toEqual([{ kind: 'frame', connection, text: '{"type":"cancel","id":1}' }])
    supervisor.emit('message', { kind: 'frame', connection, text: 'answer' })
    supervisor.emit('message', { kind: 'frame', connection: 'another', text: 'not for it' })
    expect(window.webContents.sent).toEqual([
      [channels.hostState, 'p1', 'ready'],
      [channels.frame, 'p1', 'answer'],
    ])
  })

  it('end with the page that sent them: by reload and by closing', () => {
    const { page, supervisor, window } = started()
    supervisor.ready()
    page(channels.frame, ['p1', '1'])
    page(channels.frame, ['p2', '2'])
    const [first, closed, second] = supervisor.sent as { kind: string; connection: string }[]
    expect(closed).toEqual({ kind: 'close', connection: first.connection })
    expect(second.connection).not.toBe(first.connection)
    supervisor.emit('message', { kind: 'frame', connection: first.connection, text: 'late' })
    expect(window.webContents.sent).toEqual([])
    window.close()
    expect(supervisor.sent.at(-1)).toEqual({ kind: 'close', connection: second.connection })
    supervisor.emit('message', { kind: 'frame', connection: second.connection, text: 'later' })
    expect(window.webContents.sent).toEqual([])
  })

  it('are heard from the product’s own page alone', async () => {
    const { page, supervisor, ipc, window } = started()
    supervisor.ready()
    const frames = [
      null,
      { url: 'https://evil.example/', parent: null },
      { url: 'app://moru/', parent: {} },
      { url: 'app://evil/', parent: null },
      { url: 'about:blank', parent: null },
    ]
    for (const frame of frames) {
      page(channels.frame, ['p', 'text'], frame)
      page(channels.hostState, ['p'], frame)
      const event = { sender: window.webContents, senderFrame: frame }
      expect(() => ipc.handlers.get(channels.pickFiles)!(event, 'model')).toThrow('refused')
    }
    for (const values of [[], [1, 'text'], ['', 'text'], ['p', { type: 'request' }], ['x'.repeat(200), 'text']])
      page(channels.frame, values)
    expect(supervisor.sent).toEqual([])
  })

  it('tell the page when the host goes and comes back', () => {
    const { page, supervisor, window } = started()
    page(channels.hostState, ['p'])
    supervisor.enter({ kind: 'starting' })
    supervisor.ready()
    supervisor.enter({ kind: 'restarting', reason: 'signal SIGKILL' })
    supervisor.ready()
    const states = window.webContents.sent.map(
      ([channel, to, state]) => channel === channels.hostState && to === 'p' && state,
    )
    expect(states).toEqual(['away', 'ready', 'away', 'ready'])
  })

  it('a page that breaks the protocol is loaded anew', () => {
    const { page, supervisor, window } = started()
    supervisor.ready()
    page(channels.frame, ['p', 'nonsense'])
    const { connection } = supervisor.sent[0] as { connection: string }
    supervisor.emit('message', { kind: 'closed', connection, reason: 'a message was not JSON' })
    expect(window.webContents.reloads).toBe(1)
  })
})

describe('the application', () => {
  it('keeps one instance: a second start brings the window to the front', () => {
    const { app, window } = started()
    window.minimized = true
    app.emit('second-instance')
    expect([window.minimized, window.calls, FakeWindow.all.length]).toEqual([false, ['focus'], 1])
  })

  it('stops the host before it ends', async () => {
    const { app, supervisor } = started()
    let prevented = 0
    const quit = () => app.emit('before-quit', { preventDefault: () => prevented++ })
    quit()
    await settled()
    expect([prevented, supervisor.stops, app.quits]).toEqual([1, 1, 1])
    quit()
    expect(prevented).toBe(1)
  })

  it('says why the host cannot run, and tries again when told to', async () => {
    const failed = { kind: 'failed', error: new MoruError('busy', 'Another one has the profile.') } as const
    const again = started('ko-KR', { response: 0 })
    again.supervisor.enter(failed)
    await settled()
    expect(again.dialogs).toMatchObject([
      { message: 'Moru 엔진을 시작할 수 없습니다.', detail: 'Another one has the profile.' },
    ])
    expect([again.supervisor.starts, again.app.quits]).toEqual([2, 0])
    const leave = started('en', { response: 1 })
    leave.supervisor.enter(failed)
    await settled()
    expect([leave.supervisor.starts, leave.app.quits]).toEqual([1, 1])
  })

  it('has its menu in the system’s language, then in the window’s', () => {
    const { seen, page } = started('ko-KR')
    const labels = () => seen.menu.map((item) => item.label)
    expect(labels()).toEqual(['파일', '편집', '보기', '도움말'])
    page(channels.language, ['en'])
    expect(labels()).toEqual(['File', 'Edit', 'View', 'Help'])
    page(channels.language, ['ko'], { url: 'https://evil.example/', parent: null })
    expect(labels()[0]).toBe('File')
  })

  it('picks files for a purpose it knows', async () => {
    const { ipc, ownFrame, window, dialogs } = started('ko', {
      filePaths: ['/m/모델.gguf'],
      filePath: '/b/x.moru-backup',
    })
    const pick = (purpose: unknown) =>
      ipc.handlers.get(channels.pickFiles)!({ sender: window.webContents, senderFrame: ownFrame }, purpose)
    expect(await pick('model')).toEqual(['/m/모델.gguf'])
    expect(await pick('model_folder')).toEqual(['/m/모델.gguf'])
    expect(await pick('backup_target')).toEqual(['/b/x.moru-backup'])
    expect(dialogs).toMatchObject([
      { title: '모델 파일 선택', properties: ['openFile', 'multiSelections'] },
      { title: '모델 폴더 선택', properties: ['openDirectory'] },
      { title: '백업 저장' },
    ])
    expect(() => pick('anything')).toThrow()
  })
})

describe('the window’s place', () => {
  const reopened = (file: unknown) => {
    const profile = temporaryDirectory()
    writeFileSync(join(profile, 'window.json'), typeof file === 'string' ? file : JSON.stringify(file))
    return started('en', {}, profile).window
  }

  it('is kept in the profile', () => {
    const { window, profile } = started()
    window.bounds = { x: 300, y: 200, width: 1000, height: 800 }
    window.maximized = true
    window.close()
    const kept = JSON.parse(readFileSync(join(profile, 'window.json'), 'utf8'))
    expect(kept).toEqual({ x: 300, y: 200, width: 1000, height: 800, maximized: true })
    const again = started('en', {}, profile).window
    expect(again.options).toMatchObject({ x: 300, y: 200, width: 1000, height: 800 })
    expect(again.maximized).toBe(true)
  })

  it('is forgotten when no display shows it any more, and when the file is broken', () => {
    const away = reopened({ x: 5000, y: 100, width: 1000, height: 800, maximized: false })
    expect(away.options.x).toBeUndefined()
    expect(away.options.width).toBe(1000)
    for (const broken of ['', '{', { width: 1, height: 1, maximized: false }, { width: 'wide' }])
      expect(reopened(broken).options).toMatchObject({ width: 1280, height: 820 })
  })
})
