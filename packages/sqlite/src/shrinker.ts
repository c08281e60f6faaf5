import { reportEvent } from '@caskade/core'
import type { DatabasePages } from './database-pages.ts'
import type { SqlDatabase } from './sql.ts'
import type { JobOptions, Transaction } from './write-queue.ts'

/** How many pages are kept for new rows: 1 MiB. */
const KEPT_PAGES = 256

/** How many pages are given back in one job: less than a millisecond's worth. */
const PAGES_PER_JOB = 32

/** What is written to the log for each: the page that takes its place, and those that point to it. */
const LOG_BYTES_PER_PAGE = 2 * 4096

/** Gives back to the disk, a little after each commit, what the database no longer needs once rows have given way to files. */
export class Shrinker {
  readonly #database: SqlDatabase
  readonly #write: (job: (transaction: Transaction) => void, options: JobOptions<void>) => Promise<void>
  readonly #pages: DatabasePages
  #isAtWork = false
  #isStopped = false

  constructor(
    database: SqlDatabase,
    pages: DatabasePages,
    write: (job: (transaction: Transaction) => void, options: JobOptions<void>) => Promise<void>,
  ) {
    this.#database = database
    this.#write = write
    this.#pages = pages
  }

  /** Looks whether there is something to give back; asked after every commit. */
  noteCommit(): void {
    if (!this.#isAtWork && this.#hasWork()) void this.#shrink()
  }

  /** Gives back some free pages, within a transaction. */
  giveBack(transaction: Transaction): void {
    this.#database.exec(`PRAGMA incremental_vacuum(${PAGES_PER_JOB})`)
    transaction.rowBytes += PAGES_PER_JOB * LOG_BYTES_PER_PAGE
  }

  /** Leaves the rest for later. */
  stop(): void {
    this.#isStopped = true
  }

  #hasWork(): boolean {
    return !this.#isStopped && this.#pages.freePages > KEPT_PAGES
  }

  async #shrink(): Promise<void> {
    this.#isAtWork = true
    try {
      while (this.#hasWork()) await this.#write((transaction) => this.giveBack(transaction), { isDurable: false })
    } catch (error) {
      reportEvent({ kind: 'cleanup-failure', storageType: 'Sqlite', operation: 'shrink', error })
    } finally {
      this.#isAtWork = false
    }
  }
}
