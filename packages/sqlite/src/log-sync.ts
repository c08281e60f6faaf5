import { StorageError } from '@caskade/core'
import { SyncGroup } from '@caskade/core/files'

/** What a {@link LogSync} needs. */
export interface LogSyncOptions {
  /** Waits until what was written to the log so far is on disk. */
  readonly sync: () => Promise<void>
  /** Moves everything from the log to the database, and waits until it is on disk there. */
  readonly emptyLog: () => Promise<void>
  /** Runs once the log can be synced again after it could not. */
  readonly onRepaired: () => void
}

/**
 * Waits until what was committed would survive a power failure.
 *
 * A sync that failed is not simply repeated: the system tells once that it could not write some pages, may forget them,
 * and then calls the next sync a success. From then on nothing in the log is certain, nor what would be appended to it,
 * because a log is read up to its first damaged page. So nothing is written until all of it was moved to the database.
 */
export class LogSync {
  readonly #options: LogSyncOptions
  readonly #syncs: SyncGroup
  #isBroken = false
  #repairing: Promise<void> | undefined

  constructor(options: LogSyncOptions) {
    this.#options = options
    this.#syncs = new SyncGroup(() => this.#sync())
  }

  /** What new transactions must wait for: undefined, unless a sync has failed. Rejects as {@link settled} does. */
  admission(): Promise<void> | undefined {
    return this.#isBroken ? this.#repair() : undefined
  }

  /**
   * Waits until everything committed so far would survive.
   *
   * @throws StorageError `unknown` when that cannot be said; `unavailable` when a sync failed earlier and the log could
   * not be repaired since.
   */
  async settled(): Promise<void> {
    if (this.#isBroken) return this.#repair()
    try {
      await this.#syncs.request()
    } catch (error) {
      throw new StorageError('unknown', 'Sqlite: cannot sync the log; the write may be lost', { cause: error })
    }
  }

  async #sync(): Promise<void> {
    // It may have broken since this sync was asked for; what a later one says is worth nothing.
    if (this.#isBroken) return this.#repair()
    try {
      await this.#options.sync()
    } catch (error) {
      this.#isBroken = true
      throw error
    }
  }

  #repair(): Promise<void> {
    this.#repairing ??= this.#moveLog().finally(() => {
      this.#repairing = undefined
    })
    return this.#repairing
  }

  async #moveLog(): Promise<void> {
    try {
      await this.#options.emptyLog()
      await this.#options.sync()
    } catch (error) {
      const message = 'Sqlite: its log could not be synced, and still cannot; nothing is written until it can'
      throw new StorageError('unavailable', message, { cause: error })
    }
    this.#isBroken = false
    this.#options.onRepaired()
  }
}
