/** A running host: a profile held, its services built, its port open. The process around it is in index.ts. */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { defaultProfileDirectory } from '../../shared/profile-directory'
import { createDispatcher, type Dispatcher } from './dispatch'
import { type Handlers } from './handlers'
import { serveHttp } from './http'
import { lockProfile } from './lock'
import { type Log } from './log'

/** What the composition root builds. */
export interface Services {
  handlers: Handlers
  /** Stops work, saves what is being written and closes the database. */
  close(): Promise<void>
}

export interface StartOptions {
  /** Data directory; the platform's own when absent. */
  profile?: string
  /** 0: a free one. */
  port: number
  /** Access token; a new one when absent. */
  token?: string
  /** Folder of the built window. */
  rendererDirectory: string
  log: Log
  checkOutputs?: boolean
  compose: (profile: string) => Promise<Services>
}

export interface RunningHost {
  profile: string
  port: number
  token: string
  dispatcher: Dispatcher
  stop(): Promise<void>
}

/** Throws `busy` when another host has the profile or another program the port. */
export async function startHost(options: StartOptions): Promise<RunningHost> {
  const profile = prepareProfile(options.profile)
  const lock = await lockProfile(profile)
  const undo: (() => unknown)[] = [() => lock.release()]
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const services = await options.compose(profile)
    undo.push(() => services.close())
    const dispatcher = createDispatcher({ ...options, handlers: services.handlers })
    const token = options.token ?? randomBytes(32).toString('base64url')
    const http = await serveHttp({ ...options, dispatcher, token })
    undo.push(() => http.close())
    lock.publish({ port: http.port, token })
    undo.push(() => lock.retract())
    return { profile, port: http.port, token, dispatcher, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Makes the data directory (the platform's own when none is named), for its owner alone; answers its absolute path. */
export function prepareProfile(directory?: string): string {
  const path = resolve(directory ?? defaultProfileDirectory(process.platform, process.env, homedir()))
  mkdirSync(path, { recursive: true, mode: 0o700 })
  return path
}
