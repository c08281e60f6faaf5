import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ProcessReport } from '../statistics/process-report.ts'
import { NOTHING_DONE } from '../statistics/process-report.ts'
import type { ServerTotals } from '../statistics/server-status.ts'
import type { SupervisorMessage, ToldError, WorkerAddresses, WorkerMessage, WorkerTask } from './messages.ts'
import { toError } from './told-error.ts'

/** How long a worker may take to say what it has done, in milliseconds; then what it said last counts. */
const REPORT_WITHIN_MS = 1000

/** How a worker ended. */
export interface WorkerEnd {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process that serves, as its supervisor sees it. */
export class Worker {
  /** Resolves when it has ended, in whatever way. */
  readonly ended: Promise<WorkerEnd>
  readonly #child: ChildProcess
  readonly #started = Promise.withResolvers<WorkerAddresses>()
  readonly #totals: () => Promise<ServerTotals>
  #isServing = false
  #reported = NOTHING_DONE
  #awaited: (() => void)[] = []
  #failure: ToldError | undefined

  /** Starts a process; `totals` says what the whole server has done. */
  constructor(task: WorkerTask, totals: () => Promise<ServerTotals>) {
    this.#totals = totals
    this.#child = forkProgram()
    this.ended = new Promise((resolve) => {
      // Not "exit": what it said before it ended comes first.
      this.#child.once('close', (exitCode, signal) => resolve({ exitCode, signal }))
      this.#child.once('error', (error) => {
        this.#started.reject(error)
        if (this.#child.pid === undefined) resolve({ exitCode: null, signal: null })
      })
    })
    void this.ended.then((end) => this.#settle(end))
    // Who is interested in its start asks for it.
    this.#started.promise.catch(() => undefined)
    this.#child.on('message', (message: WorkerMessage) => void this.#receive(message))
    this.#tell({ kind: 'start', task })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Resolves once it serves; rejects with what it failed with, or when it ends before. */
  get started(): Promise<WorkerAddresses> {
    return this.#started.promise
  }

  get isServing(): boolean {
    return this.#isServing
  }

  /** What it has said last that it has done. */
  get reported(): ProcessReport {
    return this.#reported
  }

  /** Asks what it has done. One that does not answer, or has ended, is taken at its last word. */
  async report(): Promise<ProcessReport> {
    if (!this.#child.connected) return this.#reported
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#awaited.push(resolve)
    const deadline = setTimeout(resolve, REPORT_WITHIN_MS)
    this.#tell({ kind: 'report-wanted' })
    await promise
    clearTimeout(deadline)
    return this.#reported
  }

  /** Lets it finish what is under way and end; rejects with what it failed with. */
  async stop(): Promise<void> {
    this.#tell({ kind: 'stop' })
    await this.ended
    if (this.#failure !== undefined) throw toError(this.#failure)
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async #receive(message: WorkerMessage): Promise<void> {
    if (message.kind === 'started') {
      this.#isServing = true
      this.#started.resolve(message)
    } else if (message.kind === 'failed') {
      this.#failure = message.error
    } else if (message.kind === 'report') {
      this.#reported = message.report
      this.#letGo()
    } else {
      this.#tell({ kind: 'totals', id: message.id, totals: await this.#totals() })
    }
  }

  #settle({ exitCode, signal }: WorkerEnd): void {
    const how = signal === null ? `with exit code ${exitCode}` : `by ${signal}`
    this.#started.reject(this.#failure ? toError(this.#failure) : new Error(`a worker ended ${how} before it served`))
    this.#letGo()
  }

  #letGo(): void {
    for (const resolve of this.#awaited.splice(0)) resolve()
  }

  #tell(message: SupervisorMessage): void {
    // One that has just ended hears nothing, which its end tells of.
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }
}

function forkProgram(): ChildProcess {
  // Beside this file: TypeScript when run from source, JavaScript when built.
  const isSource = import.meta.url.endsWith('.ts')
  const path = fileURLToPath(new URL(`worker-process.${isSource ? 'ts' : 'js'}`, import.meta.url))
  const execArgv = isSource ? [...process.execArgv, '--conditions=@caskade/source'] : process.execArgv
  return fork(path, [], { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}
