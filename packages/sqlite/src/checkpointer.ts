import { Worker } from 'node:worker_threads'
import { reportEvent, StorageError } from '@caskade/core'
import type { LogLimits } from './sqlite-quota.ts'

const PAGE_BYTES = 4096

interface CheckpointResult {
  readonly logPages: number
  /** Whether nobody kept it from being done. */
  readonly isWhole: boolean
  readonly failure?: string
}

/** Keeps the write-ahead log short, from a worker thread that starts with the first checkpoint. */
export class Checkpointer {
  readonly #databasePath: string
  readonly #limits: LogLimits
  #worker: Worker | undefined
  #committedBytes = 0
  #running: Promise<void> | undefined
  #catchingUp: Promise<CheckpointResult> | undefined

  constructor(databasePath: string, limits: LogLimits) {
    this.#databasePath = databasePath
    this.#limits = limits
  }

  /** What new transactions must wait for: undefined, unless the log has grown so long that it must first be worked off. */
  admission(): Promise<unknown> | undefined {
    return this.#committedBytes > this.#limits.maxWaitingBytes ? this.#running : this.#catchingUp
  }

  /** Tells how much was committed; begins a checkpoint when it is worth one. */
  note(committedBytes: number): void {
    this.#committedBytes += committedBytes
    if (this.#committedBytes < this.#limits.checkpointBytes || this.#running !== undefined) return
    this.#committedBytes = 0
    this.#running = this.#run()
  }

  /** Moves all of the log to the database, synced there, and begins the log anew; rejects when that cannot be done. */
  async emptyLog(): Promise<void> {
    while (this.#running !== undefined) await this.#running
    const emptying = this.#checkpoint('TRUNCATE')
    this.#running = emptying
      .then(() => undefined)
      .finally(() => {
        this.#running = undefined
      })
    const { isWhole, failure } = await emptying
    if (isWhole) return
    throw new StorageError('unavailable', `Sqlite: cannot empty its log: ${failure ?? 'others are using it'}`)
  }

  async close(): Promise<void> {
    while (this.#running !== undefined) await this.#running
    await this.#worker?.terminate()
    this.#worker = undefined
  }

  async #run(): Promise<void> {
    const { logPages } = await this.#checkpoint()
    if (logPages * PAGE_BYTES > this.#limits.maxLogBytes) {
      // While nobody writes, a checkpoint gets to the end of the log, and the next write starts it anew.
      this.#catchingUp = this.#checkpoint()
      await this.#catchingUp
      this.#catchingUp = undefined
    }
    this.#running = undefined
    this.note(0)
  }

  async #checkpoint(mode: 'PASSIVE' | 'TRUNCATE' = 'PASSIVE'): Promise<CheckpointResult> {
    try {
      this.#worker ??= this.#startWorker()
      const result = await ask(this.#worker, mode)
      if (result.failure !== undefined) this.#report(result.failure)
      return result
    } catch (error) {
      this.#worker = undefined
      this.#report(error)
      return { logPages: 0, isWhole: false, failure: String(error) }
    }
  }

  #startWorker(): Worker {
    // Beside this file: TypeScript when run from source, JavaScript when built.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const worker = new Worker(new URL(`checkpoint-worker.${extension}`, import.meta.url), {
      workerData: this.#databasePath,
    })
    worker.unref()
    return worker
  }

  #report(error: unknown): void {
    reportEvent({ kind: 'cleanup-failure', storageType: 'Sqlite', operation: 'checkpoint', error })
  }
}

async function ask(worker: Worker, mode: string): Promise<CheckpointResult> {
  const { promise, resolve, reject } = Promise.withResolvers<CheckpointResult>()
  worker.once('message', resolve)
  worker.once('error', reject)
  worker.once('exit', reject)
  worker.postMessage(mode)
  try {
    return await promise
  } finally {
    worker.off('message', resolve)
    worker.off('error', reject)
    worker.off('exit', reject)
  }
}
