/** What a window must not do, whatever is shown in it. */

/** The part of Electron's WebContents that is guarded. */
export interface GuardedContents {
  setWindowOpenHandler(handler: (details: { url: string }) => { action: 'deny' }): void
  on(
    event: 'will-navigate' | 'will-redirect',
    listener: (event: { preventDefault(): void }, url: string) => void,
  ): unknown
  on(event: 'will-attach-webview', listener: (event: { preventDefault(): void }) => void): unknown
}

/** The part of Electron's Session that is guarded. */
export interface GuardedSession {
  setPermissionRequestHandler(
    handler: (
      contents: unknown,
      permission: string,
      callback: (granted: boolean) => void,
      details: { requestingUrl: string; isMainFrame: boolean },
    ) => void,
  ): void
  setPermissionCheckHandler(handler: (contents: unknown, permission: string, origin: string) => boolean): void
  setDevicePermissionHandler(handler: () => boolean): void
}

/** The part of Electron's WebFrameMain that says who sent a message. */
export interface SenderFrame {
  url: string
  parent: unknown
}

/** Windows of a page open no others and go nowhere else; links to the web open in the person's browser. */
export function guardContents(contents: GuardedContents, origin: string, openExternal: (url: string) => unknown): void {
  contents.setWindowOpenHandler(({ url }) => {
    const external = externalLink(url)
    if (external) openExternal(external)
    return { action: 'deny' }
  })
  for (const event of ['will-navigate', 'will-redirect'] as const)
    contents.on(event, (navigation, url) => {
      if (originOf(url) === origin) return
      navigation.preventDefault()
      const external = event === 'will-navigate' && externalLink(url)
      if (external) openExternal(external)
    })
  contents.on('will-attach-webview', (event) => event.preventDefault())
}

/** Refuses every permission and device but one: putting text on the clipboard, which the window's copy buttons do. */
export function guardSession(session: GuardedSession, origin: string): void {
  const allowed = (permission: string, url: string) =>
    permission === 'clipboard-sanitized-write' && originOf(url) === origin
  session.setPermissionRequestHandler((_, permission, callback, { requestingUrl, isMainFrame }) =>
    callback(isMainFrame && allowed(permission, requestingUrl)),
  )
  session.setPermissionCheckHandler((_, permission, requester) => allowed(permission, requester))
  session.setDevicePermissionHandler(() => false)
}

/** Whether a message came from the product's own page: a top frame of its origin. */
export function isOwnPage(frame: SenderFrame | null, origin: string): boolean {
  return frame !== null && frame.parent === null && originOf(frame.url) === origin
}

/** A link that may be handed to the system, as its parser reads it, or null: web addresses without credentials only. */
export function externalLink(text: string): string | null {
  const url = URL.parse(text)
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.username || url.password) return null
  return url.href
}

/** Scheme and host; unlike URL.origin also for the product's own scheme. */
function originOf(text: string): string | null {
  const url = URL.parse(text)
  return url && `${url.protocol}//${url.host}`
}
