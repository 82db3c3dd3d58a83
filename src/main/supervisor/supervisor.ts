/**
 * Keeps a host running: starts it as a child, starts it again on the same port with the same token when it dies,
 * and gives up with a message when it keeps dying.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { MoruError } from '../../shared/errors'
import {
  type HostToParent,
  hostToParent,
  type ParentToHost,
  restartExitCode,
  tokenVariable,
} from '../../shared/host-messages'
import { cleanLines } from './clean-lines'
import { Crashes, type CrashLimits } from './crashes'
import { openRotatingLog, type RotatingLog } from './rotating-log'

export type HostState =
  | { kind: 'starting' }
  | { kind: 'ready'; port: number; token: string; pid: number }
  /** It ended unasked; `reason` is for a person. */
  | { kind: 'restarting'; reason: string }
  /** Given up; `start` tries again. */
  | { kind: 'failed'; error: MoruError }
  | { kind: 'stopped' }

export interface SupervisorOptions {
  /** The Node that runs the host. */
  node: string
  /** The built host (out/main/host.js). */
  entry: string
  /** Data directory, absolute. */
  profile: string
  /** 0: a free one, kept over restarts. */
  port?: number
  limits?: Partial<CrashLimits>
  /** How long a host may take to be ready, and to end when asked. */
  startTimeoutMs?: number
  stopTimeoutMs?: number
}

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #log: RotatingLog
  readonly #crashes: Crashes
  readonly #stateListeners = new Set<(state: HostState) => void>()
  readonly #messageListeners = new Set<(message: HostToParent) => void>()
  #state: HostState = { kind: 'stopped' }
  #child: ChildProcess | null = null
  #port: number
  #token: string | undefined
  #refusal: MoruError | null = null
  #startTimer: NodeJS.Timeout | undefined
  #restartTimer: NodeJS.Timeout | undefined

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#port = options.port ?? 0
    this.#log = openRotatingLog(join(options.profile, 'logs', 'host.log'))
    this.#crashes = new Crashes(options.limits)
  }

  get state(): HostState {
    return this.#state
  }

  /** What the host wrote to its standard output and error. */
  get logPath(): string {
    return this.#log.path
  }

  /** Starts the host; resolves when it is ready, rejects when it cannot be made to run. */
  start(): Promise<HostState & { kind: 'ready' }> {
    if (!this.#child) {
      this.#crashes.clear()
      this.#enter({ kind: 'starting' })
      this.#spawn()
    }
    return new Promise((resolve, reject) => {
      const settle = (state: HostState) => {
        if (state.kind === 'starting' || state.kind === 'restarting') return
        this.#stateListeners.delete(settle)
        if (state.kind === 'ready') resolve(state)
        else reject(state.kind === 'failed' ? state.error : new MoruError('cancelled', 'The host was stopped.'))
      }
      this.#stateListeners.add(settle)
      settle(this.#state)
    })
  }

  /** Calls `listener` whenever the state changes. Answers a function that stops it. */
  onState(listener: (state: HostState) => void): () => void {
    this.#stateListeners.add(listener)
    return () => void this.#stateListeners.delete(listener)
  }

  /** Calls `listener` with the host's frames and closed connections. Answers a function that stops it. */
  onMessage(listener: (message: HostToParent) => void): () => void {
    this.#messageListeners.add(listener)
    return () => void this.#messageListeners.delete(listener)
  }

  /** Hands a message to the host; false when it is away, and the message lost. */
  send(message: ParentToHost): boolean {
    if (this.#state.kind !== 'ready' || !this.#child?.connected) return false
    // A child that dies meanwhile reports it as an exit.
    this.#child.send(message, () => undefined)
    return true
  }

  /** Asks the host to end and waits for it; kills it when it does not listen. */
  async stop(): Promise<void> {
    clearTimeout(this.#restartTimer)
    const child = this.#child
    this.#enter({ kind: 'stopped' })
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise((resolve) => child.once('exit', resolve))
    const kill = setTimeout(() => child.kill('SIGKILL'), this.#options.stopTimeoutMs ?? 5000)
    if (child.connected) child.send({ kind: 'stop' } satisfies ParentToHost, () => undefined)
    else child.kill('SIGTERM')
    await exited
    clearTimeout(kill)
  }

  #spawn(): void {
    const { node, entry, profile } = this.#options
    this.#refusal = null
    const env: NodeJS.ProcessEnv = { ...process.env, [tokenVariable]: this.#token }
    // Meant for the program that this runs in, not for a plain Node.
    delete env.ELECTRON_RUN_AS_NODE
    delete env.NODE_OPTIONS
    const child = spawn(node, [entry, '--profile', profile, '--port', String(this.#port)], {
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      windowsHide: true,
    })
    this.#child = child
    this.#note(`host ${child.pid} started`)
    for (const stream of [child.stdout!, child.stderr!]) {
      const lines = cleanLines((text) => this.#log.write(text))
      stream.on('data', (chunk: Buffer) => lines.push(chunk)).once('end', () => lines.end())
    }
    child.on('message', (raw) => this.#receive(child, raw))
    // It could not be started at all: there is no exit event then.
    child.once('error', (error) => child.pid ?? this.#ended(child, error.message, null))
    child.once('exit', (code, signal) => this.#ended(child, signal ? `signal ${signal}` : `exit status ${code}`, code))
    this.#startTimer = setTimeout(() => child.kill('SIGKILL'), this.#options.startTimeoutMs ?? 120_000)
  }

  #receive(child: ChildProcess, raw: unknown): void {
    const message = hostToParent.parse(raw)
    if (message.kind === 'refused')
      this.#refusal = new MoruError(message.error.code, message.error.message, message.error)
    if (message.kind === 'ready' && this.#state.kind !== 'stopped') {
      clearTimeout(this.#startTimer)
      this.#port = message.port
      this.#token = message.token
      this.#crashes.ready()
      this.#enter({ kind: 'ready', port: message.port, token: message.token, pid: child.pid! })
    }
    for (const listener of this.#messageListeners) listener(message)
  }

  #ended(child: ChildProcess, how: string, code: number | null): void {
    if (this.#child !== child) return
    this.#child = null
    clearTimeout(this.#startTimer)
    this.#note(`host ${child.pid} ended: ${how}`)
    if (this.#state.kind === 'stopped') return
    // A refusal at the first start is about the profile or the port, and would be the same the next time.
    if (this.#refusal && this.#state.kind === 'starting') return this.#enter({ kind: 'failed', error: this.#refusal })
    const delayMs = code === restartExitCode ? 0 : this.#crashes.crashed(Date.now())
    if (delayMs === null) return this.#enter({ kind: 'failed', error: this.#giveUp(how) })
    if (this.#state.kind === 'ready') this.#enter({ kind: 'restarting', reason: how })
    this.#restartTimer = setTimeout(() => this.#spawn(), delayMs)
  }

  #giveUp(how: string): MoruError {
    const why = this.#refusal?.message ?? `It last ended with ${how}.`
    return new MoruError('io', `Moru's host process keeps ending. ${why} Its log: ${this.#log.path}`)
  }

  #enter(state: HostState): void {
    this.#state = state
    for (const listener of [...this.#stateListeners]) listener(state)
  }

  #note(text: string): void {
    this.#log.write(`${JSON.stringify({ time: Date.now(), supervisor: process.pid, msg: text })}\n`)
  }
}
