import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { type Handlers } from '../../../src/main/host/handlers'
import { type RunningHost, startHost } from '../../../src/main/host/start'
import { handlersWith } from './handlers'

/** An empty folder that goes when the test ends. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'moru-test-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
  return path
}

/** A host in this process, with a folder of files to serve, that answers with the given handlers; stopped with the test. */
export async function runningHost(handlers: Partial<Handlers>, profile = temporaryDirectory()): Promise<RunningHost> {
  const rendererDirectory = join(profile, 'renderer')
  mkdirSync(join(rendererDirectory, 'assets'), { recursive: true })
  writeFileSync(join(rendererDirectory, 'index.html'), '<!doctype html><title>모루</title>')
  writeFileSync(join(rendererDirectory, 'assets', 'index-1a2b.js'), 'export {}')
  writeFileSync(join(rendererDirectory, 'assets', 'notes.exe'), 'not served')
  const host = await startHost({
    profile,
    port: 0,
    rendererDirectory,
    log: pino({ level: 'silent' }),
    checkOutputs: true,
    compose: async () => ({ handlers: handlersWith(handlers), close: async () => undefined }),
  })
  onTestFinished(() => host.stop())
  return host
}
