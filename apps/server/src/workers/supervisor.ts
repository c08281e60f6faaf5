import { setTimeout as wait } from 'node:timers/promises'
import type { Log } from '../log.ts'
import { NOTHING_DONE, sumProcessReports } from '../statistics/process-report.ts'
import type { ServerTotals } from '../statistics/server-status.ts'
import type { WorkerAddresses, WorkerTask } from './messages.ts'
import { Restarts } from './restarts.ts'
import { Worker } from './worker.ts'

/** What all workers have in common. */
export type SharedTask = Omit<WorkerTask, 'index'>

/** Runs the processes of a server: replaces those that end, adds up what they have done, and stops them together. */
export class Supervisor {
  readonly #log: Log
  readonly #task: SharedTask
  /** Those that run, by their index. */
  readonly #workers = new Map<number, Worker>()
  readonly #stopped = new AbortController()
  readonly #watching: Promise<void>[] = []
  /** What was done by those that are no more. */
  #past = NOTHING_DONE
  #replaced = 0

  constructor(task: SharedTask, log: Log) {
    this.#task = task
    this.#log = log
  }

  /** Starts the worker of an index, and sees to it that there is one from then on. Rejects when the first cannot start. */
  async start(index: number): Promise<WorkerAddresses> {
    const startedAt = performance.now()
    const worker = this.#launch(index)
    const addresses = await this.#welcome(index, worker)
    this.#watching.push(this.#watch(index, worker, startedAt))
    return addresses
  }

  /** What all workers have done, those that are no more included. */
  async totals(): Promise<ServerTotals> {
    const serving = [...this.#workers.values()].filter(({ isServing }) => isServing)
    const reports = await Promise.all(serving.map((worker) => worker.report()))
    return {
      workers: { running: serving.length, replaced: this.#replaced },
      ...sumProcessReports([this.#past, ...reports]),
    }
  }

  /** Stops all workers at the same time; rejects with the first failure when all have ended. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    const ends = await Promise.allSettled([...this.#workers.values()].map((worker) => worker.stop()))
    await Promise.all(this.#watching)
    const failed = ends.find((end) => end.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** Ends all workers at once, for a process that is about to end itself. */
  kill(): void {
    for (const worker of this.#workers.values()) worker.kill()
  }

  #launch(index: number): Worker {
    const worker = new Worker({ ...this.#task, index }, () => this.totals())
    this.#workers.set(index, worker)
    void this.#bury(index, worker)
    return worker
  }

  /** Once a worker has ended, keeps what it has done. */
  async #bury(index: number, worker: Worker): Promise<void> {
    await worker.ended
    this.#past = { ...sumProcessReports([this.#past, worker.reported]), residentBytes: 0 }
    this.#workers.delete(index)
  }

  /** Waits until a worker serves, and says so. */
  async #welcome(index: number, worker: Worker): Promise<WorkerAddresses> {
    const addresses = await worker.started
    this.#log.info({ worker: index, pid: worker.pid }, 'a worker serves')
    return addresses
  }

  async #watch(index: number, first: Worker, firstStartedAt: number): Promise<void> {
    const { signal } = this.#stopped
    const restarts = new Restarts()
    let worker = first
    let startedAt = firstStartedAt
    for (;;) {
      const end = await worker.ended
      if (signal.aborted) return
      this.#replaced += 1
      const waitMs = restarts.nextWaitMs(performance.now() - startedAt)
      this.#log.error({ worker: index, pid: worker.pid, ...end, waitMs }, 'a worker has ended; another takes its place')
      await wait(waitMs, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      startedAt = performance.now()
      worker = this.#launch(index)
      this.#welcome(index, worker).catch((error: unknown) => {
        if (!signal.aborted) this.#log.error({ worker: index, err: error }, 'a worker cannot start')
      })
    }
  }
}
