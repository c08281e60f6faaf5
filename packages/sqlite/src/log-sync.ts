import { StorageError } from '@caskade/core'
import { SyncGroup } from '@caskade/core/files'
import type { OthersVersion } from './others-version.ts'

/** What a {@link LogSync} needs. */
export interface LogSyncOptions {
  readonly othersVersion: OthersVersion
  /** Waits until what was written to the log so far is on disk. */
  readonly sync: () => Promise<void>
  /** Moves everything from the log to the database, and waits until it is on disk there. */
  readonly emptyLog: () => Promise<void>
  /** Runs once the log can be synced again after it could not. */
  readonly onRepaired: () => void
}

/** What was committed at some moment. */
interface Committed {
  readonly commits: number
  /** Changes whenever another process has committed something. */
  readonly othersVersion: unknown
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
  #commits = 0
  #synced: Committed | undefined
  #syncing: (Committed & { readonly done: Promise<void> }) | undefined
  #isBroken = false
  #repairing: Promise<void> | undefined

  constructor(options: LogSyncOptions) {
    this.#options = options
    this.#syncs = new SyncGroup(() => this.#sync())
  }

  /** Tells that this process has committed something. */
  noteCommit(): void {
    this.#commits += 1
  }

  /** What new transactions must wait for: undefined, unless a sync has failed. Rejects as {@link flushed} does. */
  admission(): Promise<void> | undefined {
    return this.#isBroken ? this.#repair() : undefined
  }

  /**
   * Waits until everything that this process has committed so far would survive.
   *
   * @throws StorageError `unknown` when that cannot be said; `unavailable` when a sync failed earlier and the log could
   * not be repaired since.
   */
  async flushed(): Promise<void> {
    if (this.#isBroken) return this.#repair()
    if (this.#synced?.commits !== this.#commits) await this.#wait(this.#syncing?.commits === this.#commits)
  }

  /**
   * Waits until whatever a read finds now would survive: it sees what is committed, by this process or another, before
   * that is synced. Mostly there is nothing to wait for. Throws as {@link flushed} does.
   *
   * `othersVersion`: what {@link OthersVersion.read} said to the last of the reads that it is about. Default: it is asked now.
   */
  async settled(othersVersion?: unknown): Promise<void> {
    if (this.#isBroken) return this.#repair()
    const found = this.#committed(othersVersion)
    if (!isSame(this.#synced, found)) await this.#wait(isSame(this.#syncing, found))
  }

  /** Waits for the sync under way, if it began late enough, or for another. */
  async #wait(isCovered: boolean): Promise<void> {
    try {
      await (isCovered ? this.#syncing?.done : this.#syncs.request())
    } catch (error) {
      throw new StorageError('unknown', 'Sqlite: cannot sync the log; the write may be lost', { cause: error })
    }
  }

  async #sync(): Promise<void> {
    // It may have broken since this sync was asked for; what a later one says is worth nothing.
    if (this.#isBroken) return this.#repair()
    const committed = this.#committed()
    const done = this.#options.sync()
    this.#syncing = { ...committed, done }
    try {
      await done
      this.#synced = committed
    } catch (error) {
      this.#isBroken = true
      throw error
    } finally {
      this.#syncing = undefined
    }
  }

  #repair(): Promise<void> {
    this.#repairing ??= this.#moveLog().finally(() => {
      this.#repairing = undefined
    })
    return this.#repairing
  }

  async #moveLog(): Promise<void> {
    const committed = this.#committed()
    try {
      await this.#options.emptyLog()
      await this.#options.sync()
      this.#synced = committed
    } catch (error) {
      const message = 'Sqlite: its log could not be synced, and still cannot; nothing is written until it can'
      throw new StorageError('unavailable', message, { cause: error })
    }
    this.#isBroken = false
    this.#options.onRepaired()
  }

  #committed(othersVersion: unknown = this.#options.othersVersion.read()): Committed {
    return { commits: this.#commits, othersVersion }
  }
}

function isSame(left: Committed | undefined, right: Committed): boolean {
  return left?.commits === right.commits && left.othersVersion === right.othersVersion
}
