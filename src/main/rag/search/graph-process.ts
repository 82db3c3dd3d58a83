/** The child process that holds HNSW graphs: started when first needed, again after it died, ended when idle. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { MoruError } from '../../../shared/errors'
import { type GraphReply, type GraphRequest } from './graph-messages'
import source from './graph-child.ts?raw'

const passedOn = ['PATH', 'SystemRoot', 'TEMP', 'TMPDIR', 'LANG', 'TZ']
const keptStderr = 4000

interface Pending {
  resolve(reply: GraphReply): void
  reject(error: MoruError): void
}

export class GraphProcess {
  #child: ChildProcess | null = null
  #stderr = ''
  #nextId = 1
  readonly #pending = new Map<number, Pending>()

  /** Rises when the child is started: graphs that were open in the one before are gone. */
  generation = 0

  get running(): boolean {
    return this.#child !== null
  }

  /** @throws invalid_file when the child refuses, internal when it dies over the request. */
  async ask(request: GraphRequest): Promise<GraphReply> {
    const child = (this.#child ??= this.#start())
    child.ref()
    child.channel?.ref()
    const id = this.#nextId++
    try {
      return await new Promise<GraphReply>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject })
        child.send({ id, request }, (error) => {
          if (error) reject(new MoruError('internal', `The vector graph's process cannot be reached: ${error.message}`))
        })
      })
    } finally {
      this.#pending.delete(id)
      if (this.#pending.size === 0) {
        child.unref()
        child.channel?.unref()
      }
    }
  }

  close(): void {
    this.#child?.kill('SIGKILL')
    this.#child = null
  }

  #start(): ChildProcess {
    this.generation++
    this.#stderr = ''
    const env = Object.fromEntries(passedOn.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])))
    const child = spawn(process.execPath, ['--no-warnings', '--input-type=module-typescript', '-e', source], {
      env: { ...env, MORU_USEARCH: createRequire(import.meta.url).resolve('usearch') },
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      windowsHide: true,
    })
    child.stderr?.on('data', (data: Buffer) => (this.#stderr = (this.#stderr + data.toString()).slice(-keptStderr)))
    ;(child.stderr as unknown as { unref?: () => void } | null)?.unref?.()
    child.on('message', ({ id, reply, error }: { id: number; reply: GraphReply; error?: string }) => {
      const pending = this.#pending.get(id)
      if (error === undefined) pending?.resolve(reply)
      else pending?.reject(new MoruError('invalid_file', `Vector graph: ${error}.`))
    })
    const fail = (why: string) => {
      if (this.#child !== child) return
      this.#child = null
      const told = this.#stderr.trim() && ` (${this.#stderr.trim().split('\n').at(-1)})`
      for (const { reject } of this.#pending.values())
        reject(new MoruError('internal', `The vector graph's process stopped: ${why}${told}.`))
    }
    child.on('error', (error) => fail(error.message))
    child.on('exit', (code, signal) => fail(signal ?? `exit code ${code}`))
    return child
  }
}
