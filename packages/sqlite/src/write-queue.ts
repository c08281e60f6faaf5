import type { DatabasePages } from './database-pages.ts'
import type { SqlDatabase, Statement } from './sql.ts'
import { selectOne } from './sql.ts'
import { isBusy, sqliteError } from './sqlite-errors.ts'
import type { Transactions } from './transactions.ts'

/** How long one transaction may keep the event loop busy, in milliseconds; jobs left over form the next one. */
const TRANSACTION_MS = 2

/** How long to wait for another process to let go of the database, in milliseconds. */
const BUSY_DEADLINE_MS = 10_000

const BUSY_RETRY_MS = 5

/** What a job writes to the log besides content, roughly: two pages. */
const JOB_BYTES = 2 * 4096

/** What its transaction writes to the log whatever its jobs, roughly: pages that they share, of every table and index. */
const TRANSACTION_BYTES = 8 * 4096

/** What a job sees of the transaction it runs in. */
export interface Transaction {
  /** What the backend takes in all; a job adds and subtracts what it changes. */
  usedBytes: number
  /** How much of that is files beside the database, loose ones included; a job adds and subtracts likewise. */
  fileBytes: number
  /** How much was written to the database; a job adds what each row that it stores counts for, which is no less than it takes. */
  rowBytes: number
  /** How much of it is taken by files that this transaction makes loose, less those that it forgets as removed. */
  leavingBytes: number
  /** Files that no blob will name any more; a job adds those that it makes loose. */
  readonly looseFiles: LooseFile[]
}

/** A file beside the database that no blob names, and what it still takes of the quota. */
export interface LooseFile {
  readonly id: number
  readonly costBytes: number
}

/** What a {@link WriteQueue} needs to know. */
export interface WriteQueueOptions {
  readonly database: SqlDatabase
  readonly transactions: Transactions
  readonly pages: DatabasePages
  /** Waits until everything committed so far would survive a power failure. */
  readonly flushed: () => Promise<void>
  /** Runs first in every transaction. When it throws, its changes alone are undone. */
  readonly onBegin: () => void
  /** Is told why `onBegin` threw. */
  readonly onBeginFailed: (error: unknown) => void
  /** Runs after every commit. */
  readonly onCommit: (transaction: Transaction) => void
  /** Resolves when writing may go on, rejects when it may not; asked before every transaction. */
  readonly admit: () => Promise<unknown> | undefined
}

/** How a job is run. */
export interface JobOptions<Result> {
  /** Resolve only once the job's changes would survive a power failure; may depend on what they came to. Default: true. */
  readonly isDurable?: boolean | ((result: Result) => boolean) | undefined
}

interface Job {
  readonly run: (transaction: Transaction) => unknown
  readonly isDurable: boolean | ((result: unknown) => boolean)
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/**
 * Runs all changes of the database, many to a transaction.
 *
 * Jobs that arrive together share one commit and one sync. The commit itself does not sync (`synchronous = NORMAL`):
 * the write-ahead log is synced from the thread pool afterwards, so that the event loop never waits for a disk.
 */
export class WriteQueue {
  readonly #options: WriteQueueOptions
  readonly #readUsage: Statement
  readonly #writeUsage: Statement
  #jobs: Job[] = []
  #isScheduled = false
  #busySince: number | undefined

  constructor(options: WriteQueueOptions) {
    this.#options = options
    this.#readUsage = options.database.prepare('SELECT used_bytes AS usedBytes, file_bytes AS fileBytes FROM usage')
    this.#writeUsage = options.database.prepare('UPDATE usage SET used_bytes = ?, file_bytes = ?')
  }

  /** Runs a job within a transaction and resolves to its result. When it throws, its changes alone are undone. */
  run<Result>(
    job: (transaction: Transaction) => Result,
    { isDurable = true }: JobOptions<Result> = {},
  ): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const isJobDurable = isDurable as Job['isDurable']
      this.#jobs.push({ run: job, isDurable: isJobDurable, resolve: resolve as (result: unknown) => void, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => void this.#admit())
  }

  async #admit(): Promise<void> {
    try {
      for (let wait = this.#options.admit(); wait !== undefined; wait = this.#options.admit()) await wait
    } catch (error) {
      this.#isScheduled = false
      this.#rejectWaiting(error)
      return
    }
    this.#runTransaction()
  }

  #runTransaction(): void {
    this.#isScheduled = false
    if (!this.#begin()) return
    const transaction: Transaction = { usedBytes: 0, fileBytes: 0, rowBytes: 0, leavingBytes: 0, looseFiles: [] }
    const done: (() => Promise<void> | void)[] = []
    const started = performance.now()
    const batch: Job[] = []
    try {
      this.#options.pages.begin()
      this.#prepare()
      const before = selectOne<Pick<Transaction, 'usedBytes' | 'fileBytes'>>(this.#readUsage)
      Object.assign(transaction, before)
      for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
        batch.push(job)
        done.push(this.#runJob(job, transaction))
        if (performance.now() - started > TRANSACTION_MS) break
      }
      const { usedBytes, fileBytes } = transaction
      if (usedBytes !== before?.usedBytes || fileBytes !== before.fileBytes) this.#writeUsage.run(usedBytes, fileBytes)
      this.#options.pages.end()
      this.#options.transactions.commit()
      transaction.rowBytes += batch.length * JOB_BYTES + TRANSACTION_BYTES
      this.#options.onCommit(transaction)
    } catch (error) {
      // What fails before the first job may do so for good: those that wait must not wait for it to end.
      const failed = batch.length > 0 ? batch : this.#jobs.splice(0)
      for (const job of failed) job.reject(sqliteError(error, 'cannot commit'))
      done.length = 0
      this.#rollBack()
    }
    for (const report of done) void report()
    if (this.#jobs.length > 0) this.#schedule()
  }

  /** Begins a transaction; if another process holds the lock, tries again later, and gives up after a while. */
  #begin(): boolean {
    try {
      // One that failed and could not be rolled back at the time.
      if (this.#options.transactions.isOpen) this.#options.transactions.rollBack()
      this.#options.transactions.begin()
      this.#busySince = undefined
      return true
    } catch (error) {
      this.#busySince ??= performance.now()
      if (isBusy(error) && performance.now() - this.#busySince < BUSY_DEADLINE_MS) {
        this.#isScheduled = true
        setTimeout(() => void this.#admit(), BUSY_RETRY_MS)
        return false
      }
      this.#busySince = undefined
      this.#rejectWaiting(sqliteError(error, 'cannot begin a transaction'))
      return false
    }
  }

  #prepare(): void {
    const { transactions, onBegin, onBeginFailed } = this.#options
    transactions.savePart()
    try {
      onBegin()
      transactions.keepPart()
    } catch (error) {
      // An error such as a full disk ends the whole transaction, in which nothing else has happened yet.
      if (transactions.isOpen) transactions.undoPart()
      else transactions.begin()
      onBeginFailed(error)
    }
  }

  #rollBack(): void {
    this.#options.pages.forget()
    try {
      if (this.#options.transactions.isOpen) this.#options.transactions.rollBack()
    } catch {
      // The jobs know of the failure before it; the next transaction tries again.
    }
  }

  #rejectWaiting(error: unknown): void {
    const jobs = this.#jobs
    this.#jobs = []
    for (const job of jobs) job.reject(error)
  }

  /** Runs one job; returns what tells its outcome once the transaction is committed. */
  #runJob(job: Job, transaction: Transaction): () => Promise<void> | void {
    const { transactions, pages } = this.#options
    const { usedBytes, fileBytes, leavingBytes, rowBytes } = transaction
    const looseFiles = transaction.looseFiles.length
    transactions.savePart()
    try {
      const result = job.run(transaction)
      transactions.keepPart()
      pages.noteJob(transaction.rowBytes - rowBytes)
      return () => this.#report(job, result)
    } catch (error) {
      // An error such as a full disk ends the whole transaction; then there is no savepoint to go back to.
      if (!transactions.isOpen) throw error
      transactions.undoPart()
      // It may have measured what it did.
      pages.measure()
      transaction.usedBytes = usedBytes
      transaction.fileBytes = fileBytes
      transaction.leavingBytes = leavingBytes
      transaction.looseFiles.length = looseFiles
      return () => job.reject(sqliteError(error, 'cannot write'))
    }
  }

  async #report(job: Job, result: unknown): Promise<void> {
    if (!(typeof job.isDurable === 'function' ? job.isDurable(result) : job.isDurable)) {
      job.resolve(result)
      return
    }
    try {
      await this.#options.flushed()
      job.resolve(result)
    } catch (error) {
      job.reject(error)
    }
  }
}
