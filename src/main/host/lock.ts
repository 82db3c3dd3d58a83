/**
 * One host per profile. Two files: `host.guard` is held by a lock of the operating system (through SQLite, which has it
 * on every platform) that dies with its process, so a stale one cannot be; `host.lock` says who holds it and where.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { z } from 'zod'
import { MoruError } from '../../shared/errors'

const lockInfo = z.object({
  pid: z.number().int().positive(),
  port: z.number().int().min(1).max(65_535),
  token: z.string().min(1),
  startedAt: z.number(),
})
export type LockInfo = z.infer<typeof lockInfo>

export interface ProfileLock {
  /** Tells clients where this host answers. */
  publish(info: { port: number; token: string }): void
  /** Tells no one any more: this host is about to go. Until `release` nobody else has the profile. */
  retract(): void
  release(): void
}

const lockPath = (profile: string) => join(profile, 'host.lock')
/** Longer than a host takes to end. */
const patienceMs = 6000

/**
 * Takes the profile, or throws `busy` with the holder's process id and address. A holder that has no address is starting
 * or ending: it is given time to do so.
 */
export async function lockProfile(profile: string): Promise<ProfileLock> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const guard = takeGuard(profile)
    if (guard) return heldLock(profile, guard)
    const holder = readLock(profile)
    if (holder || performance.now() > deadline) throw alreadyRunning(profile, holder)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** The guard's lock, or null when another process has it. */
function takeGuard(profile: string): Database.Database | null {
  const guard = new Database(join(profile, 'host.guard'), { timeout: 0 })
  try {
    // Nothing is ever written: there is nothing to keep a journal for.
    guard.pragma('journal_mode = MEMORY')
    guard.exec('BEGIN EXCLUSIVE')
    return guard
  } catch (error) {
    guard.close()
    if ((error as { code?: string }).code === 'SQLITE_BUSY') return null
    throw error
  }
}

function heldLock(profile: string, guard: Database.Database): ProfileLock {
  const retract = () => rmSync(lockPath(profile), { force: true })
  // What a host that was killed left behind: nobody holds it.
  retract()
  return {
    publish({ port, token }) {
      const info: LockInfo = { pid: process.pid, port, token, startedAt: Date.now() }
      const aside = `${lockPath(profile)}.${process.pid}`
      writeFileSync(aside, JSON.stringify(info), { mode: 0o600 })
      renameSync(aside, lockPath(profile))
    },
    retract,
    release() {
      retract()
      guard.close()
    },
  }
}

/** What the lock file says; null when there is none or it is not readable. Its host may be gone. */
export function readLock(profile: string): LockInfo | null {
  try {
    return lockInfo.parse(JSON.parse(readFileSync(lockPath(profile), 'utf8')))
  } catch {
    return null
  }
}

function alreadyRunning(profile: string, holder: LockInfo | null): MoruError {
  const who = holder
    ? `process ${holder.pid} on http://127.0.0.1:${holder.port}`
    : 'a process that is starting or ending'
  return new MoruError(
    'busy',
    `Moru is already running with the profile ${profile}: ${who}. Use that one, stop it first, or choose another profile with --profile DIR.`,
    { details: holder ? { pid: holder.pid, port: holder.port } : {} },
  )
}
