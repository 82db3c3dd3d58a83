/** Long scans in a worker thread, so that the process goes on answering: rows and scores lie in memory that both see. */
import { Worker } from 'node:worker_threads'
import { MoruError } from '../../../shared/errors'
import { instantiateScan, type ScanKernels, scanModule } from './scan-kernel'

export type ScanCall = [query: number, rows: number, count: number, stride: number, out: number]

/** Bytes of rows that are scanned where the caller is: 1 to 2 ms, about as long as nobody notices. */
const inPlaceBytes = 16 * 2 ** 20

// The worker runs beside the bundle, so its source is here. Instantiating takes 0.1 ms, and nothing is held between scans.
const workerSource = `
import { parentPort, workerData } from 'node:worker_threads'
parentPort.on('message', ({ id, memory, kernel, call }) => {
  new WebAssembly.Instance(workerData, { env: { memory } }).exports[kernel](...call)
  parentPort.postMessage(id)
})`

export class ScanThread {
  #worker: Worker | null = null
  #nextId = 1
  readonly #pending = new Map<number, { resolve(): void; reject(error: Error): void }>()

  /** Runs a kernel over `memory`; resolves when the scores are there. */
  async run(memory: WebAssembly.Memory, kernel: keyof ScanKernels, call: ScanCall): Promise<void> {
    const [, , count, stride] = call
    if (count * stride <= inPlaceBytes) {
      instantiateScan(memory)[kernel](...call)
      return
    }
    const worker = (this.#worker ??= this.#start())
    worker.ref()
    const id = this.#nextId++
    try {
      await new Promise<void>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject })
        worker.postMessage({ id, memory, kernel, call })
      })
    } finally {
      this.#pending.delete(id)
      if (this.#pending.size === 0) worker.unref()
    }
  }

  close(): void {
    const worker = this.#worker
    this.#worker = null
    void worker?.terminate()
  }

  #start(): Worker {
    const source = new URL(`data:text/javascript,${encodeURIComponent(workerSource)}`)
    const worker = new Worker(source, { workerData: scanModule() })
    worker.on('message', (id: number) => this.#pending.get(id)?.resolve())
    const fail = (why: string) => {
      if (this.#worker === worker) this.#worker = null
      for (const { reject } of this.#pending.values())
        reject(new MoruError('internal', `The thread that compares vectors stopped: ${why}`))
    }
    worker.on('error', (error) => fail(String(error)))
    worker.on('exit', (code) => fail(`exit code ${code}`))
    return worker
  }
}
