import { type ChildProcess, fork } from 'node:child_process'
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { type ChildCommand } from './child-command'
import { memoryNotice, memoryVariable, type ParseReply, type ParseRequest } from './child-messages'
import { type DocumentFile, type ParsedDocument, type ParseLimits } from './document'
import { documentError } from './problem'

// Young generation, code and stacks live outside the old space that Node's option bounds.
const heapShare = 0.75
const idleMs = 60_000
const keptStderr = 20_000
const passedOn = ['PATH', 'SystemRoot', 'TEMP', 'TMPDIR', 'LANG', 'TZ']

/** One parser child, started when first needed, again after it died, and ended when it was idle for a while. */
export class ParserProcess {
  readonly #command: () => ChildCommand
  readonly #memoryBytes: number
  #child: ChildProcess | null = null
  /** The last child that was killed from here. */
  #ended: ChildProcess | null = null
  #stderr = ''
  #nextId = 1
  #idle: NodeJS.Timeout | undefined

  /** `command` is asked when a child is started, not before: nobody without documents needs one. */
  constructor(command: () => ChildCommand, memoryBytes: number) {
    this.#command = command
    this.#memoryBytes = memoryBytes
  }

  /** One document at a time. Throws what the child says, or why it died; a fired signal kills it. */
  async parse(file: DocumentFile, limits: ParseLimits, signal?: AbortSignal): Promise<ParsedDocument> {
    throwIfCancelled(signal)
    clearTimeout(this.#idle)
    const child = (this.#child ??= this.#start())
    child.ref()
    child.channel?.ref()
    try {
      return await this.#ask(child, { id: this.#nextId++, file, limits }, signal)
    } finally {
      child.unref()
      child.channel?.unref()
      this.#idle = setTimeout(() => this.close(), idleMs)
      this.#idle.unref()
    }
  }

  /** Kills the child; what it was reading is rejected as cancelled. */
  close(): void {
    clearTimeout(this.#idle)
    this.#child?.kill('SIGKILL')
    this.#ended = this.#child ?? this.#ended
    this.#child = null
  }

  #start(): ChildProcess {
    const heapMb = Math.round((this.#memoryBytes * heapShare) / 2 ** 20)
    const env = Object.fromEntries(passedOn.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])))
    const { entry, options } = this.#command()
    const child = fork(entry, [], {
      // A parser that a file leads astray writes no files, starts no programs and loads no native code. It is no wall
      // against code that runs in it: the thread that watches its memory is not bound by these permissions.
      execArgv: [`--max-old-space-size=${heapMb}`, '--permission', '--allow-fs-read=*', '--allow-worker', ...options],
      env: { ...env, [memoryVariable]: String(this.#memoryBytes), NODE_ENV: 'production' },
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      windowsHide: true,
    })
    this.#stderr = ''
    child.stderr!.on('data', (chunk: Buffer) => (this.#stderr = (this.#stderr + chunk.toString()).slice(-keptStderr)))
    ;(child.stderr as unknown as { unref?: () => void }).unref?.()
    child.once('exit', () => {
      if (this.#child === child) this.#child = null
    })
    return child
  }

  #ask(child: ChildProcess, request: ParseRequest, signal?: AbortSignal): Promise<ParsedDocument> {
    return new Promise((resolve, reject) => {
      const settle = (then: () => void) => {
        clearTimeout(timer)
        child.off('message', onMessage)
        child.off('close', onClose)
        child.off('error', onError)
        signal?.removeEventListener('abort', onAbort)
        then()
      }
      const end = (error: MoruError) => {
        this.close()
        settle(() => reject(error))
      }
      const onMessage = (reply: ParseReply) => {
        if (reply.id !== request.id) return
        // What a large document left behind is given back by a new process alone.
        if (reply.rssBytes > this.#memoryBytes / 2) this.close()
        settle(() => (reply.ok ? resolve(reply.document) : reject(fromShape(reply.error))))
      }
      const onClose = (code: number | null, killedBy: NodeJS.Signals | null) =>
        end(this.#ended === child ? cancelled() : this.#death(code, killedBy))
      const onError = (error: Error) =>
        end(new MoruError('internal', `The document parser could not be started: ${error.message}`))
      const onAbort = () => end(cancelled())
      const timer = setTimeout(() => end(outOfTime(request.limits.timeMs)), request.limits.timeMs)
      child.on('message', onMessage)
      child.once('close', onClose)
      child.once('error', onError)
      signal?.addEventListener('abort', onAbort, { once: true })
      child.send(request, (error) => {
        if (error) end(new MoruError('internal', `The document parser does not listen: ${error.message}`))
      })
    })
  }

  #death(code: number | null, killedBy: NodeJS.Signals | null): MoruError {
    const memoryMb = Math.round(this.#memoryBytes / 2 ** 20)
    if (this.#stderr.includes(memoryNotice) || /out of memory|Allocation failed/i.test(this.#stderr))
      return documentError('memory_limit', `Reading it took more than ${memoryMb} MB of memory. Split the document.`)
    const told = this.#stderr.trim().split('\n').at(-1)
    const how = `${killedBy ? `signal ${killedBy}` : `exit code ${code}`}${told ? `: ${told.slice(0, 200)}` : ''}`
    return documentError('crashed', `Reading it made the parser crash (${how}). The document is probably damaged.`)
  }
}

const cancelled = () => new MoruError('cancelled', 'The work was cancelled.')

const outOfTime = (timeMs: number) =>
  documentError('time_limit', `Reading it took longer than ${Math.round(timeMs / 100) / 10} s. Split the document.`)

const fromShape = ({
  code,
  message,
  details,
}: {
  code: MoruError['code']
  message: string
  details?: Record<string, unknown>
}) => new MoruError(code, message, { details })
