import { leaseRefusal, reportEvent, StorageError } from '@caskade/core'
import type { DatabasePages } from './database-pages.ts'
import type { Destination } from './disk-room.ts'
import type { Eviction, Evictor } from './evictor.ts'
import type { FileRemover } from './file-remover.ts'
import type { Shrinker } from './shrinker.ts'
import type { SqliteQuota } from './sqlite-quota.ts'
import type { JobOptions, Transaction } from './write-queue.ts'

/** How much is let go in one job: some 2 milliseconds' worth. Other work gets its turn between the jobs. */
const EVICTIONS_PER_JOB = 100

const PAGE_BYTES = 4096

/** What a {@link RoomMaker} needs. */
export interface RoomMakerOptions {
  readonly quota: SqliteQuota
  readonly pages: DatabasePages
  readonly evictor: Evictor
  readonly remover: FileRemover
  readonly shrinker: Shrinker
  /** Runs changes within a transaction. */
  readonly write: <Result>(job: (transaction: Transaction) => Result, options?: JobOptions<Result>) => Promise<Result>
}

/** Room that a write needs. */
export interface Need {
  readonly bytes: number
  readonly destination: Destination
}

const NOTHING: Need = { bytes: 0, destination: 'row' }

/** What making room came to. `coming`: once files are removed; `unfinished`: there is more to do; else there is none. */
type Room = 'there' | 'coming' | 'unfinished' | 'leased' | 'exhausted'

/** Runs changes that need room in the quota, once there is some. */
export class RoomMaker {
  readonly #options: RoomMakerOptions
  /** What the writes need that have not found room yet, so that each evicts for itself and not what another counts on. */
  #awaitedBytes = 0
  #isTrimming = false
  #isStopped = false

  constructor(options: RoomMakerOptions) {
    this.#options = options
  }

  /**
   * Runs a job within a transaction in which so much is free, evicting as much as it takes. A need that depends on what is
   * stored is looked up in the transaction.
   *
   * With `isDurable: false` it does not wait until that would survive a power failure.
   *
   * @throws StorageError `too-large` when it can never fit, `no-space` when all of the quota is taken by writes under
   * way, or by what was used within the lease.
   */
  async run<Result>(
    need: Need | (() => Need),
    job: (transaction: Transaction) => Result,
    { isDurable = true }: { readonly isDurable?: boolean | undefined } = {},
  ): Promise<Result> {
    const { quota, remover, write } = this.#options
    let waitsForBytes = 0
    const setWaiting = (bytes: number): void => {
      this.#awaitedBytes += bytes - waitsForBytes
      waitsForBytes = bytes
    }
    try {
      for (;;) {
        const attempt = (transaction: Transaction): { room: Room; result?: Result } => {
          setWaiting(0)
          const needed = typeof need === 'function' ? need() : need
          this.#assertFits(needed)
          const room = this.#makeRoom(transaction, needed)
          if (room === 'there') return { room, result: job(transaction) }
          setWaiting(needed.bytes)
          return { room }
        }
        const { room, result } = await write(attempt, { isDurable: ({ room: made }) => isDurable && made === 'there' })
        if (room === 'there') return result as Result
        if (room === 'leased') throw leaseRefusal('Sqlite', quota)
        if (room === 'exhausted') throw this.#fullError()
        if (room === 'coming') await remover.progress()
      }
    } finally {
      setWaiting(0)
    }
  }

  /** Begins to let go of what is above the watermarks, in the background; asked after every commit. */
  noteCommit(usage: Pick<Transaction, 'usedBytes' | 'fileBytes'>): void {
    if (this.#isTrimming || this.#isStopped) return
    const { quota, pages, remover } = this.#options
    const isAbove = (): boolean => this.#heldBytes(usage) - remover.leavingBytes > quota.highBytes
    if (!isAbove()) return
    pages.measure()
    if (isAbove()) void this.#trim()
  }

  /** Leaves the rest for later. */
  stop(): void {
    this.#isStopped = true
  }

  #makeRoom(transaction: Transaction, need: Need): Room {
    const { bytes, destination } = need
    const { quota, remover, pages, shrinker } = this.#options
    const isThere = (): boolean => {
      if (this.#heldBytes(transaction, need) > quota.contentBytes) return false
      // Free pages of the database serve a row at once; for a file the database must give them back first.
      return destination === 'row' || pages.totalBytes + transaction.fileBytes + bytes <= quota.contentBytes
    }
    if (this.#awaitedBytes === 0 && isThere()) return 'there'
    const leavingBytes = (): number => transaction.leavingBytes + remover.leavingBytes
    // Files on their way out count as gone here: room that is coming need not be made again.
    const isEnough = (): boolean => {
      pages.measure()
      const wantedBytes = this.#heldBytes(transaction, need) + this.#awaitedBytes
      return wantedBytes - leavingBytes() <= quota.contentBytes
    }
    const { last, evictions } = this.#evict(transaction, isEnough)
    if (isThere()) return 'there'
    if (this.#heldBytes(transaction, need) <= quota.contentBytes) {
      shrinker.giveBack(transaction)
      return 'unfinished'
    }
    if (evictions === EVICTIONS_PER_JOB) return 'unfinished'
    if (leavingBytes() > 0) return 'coming'
    return last === 'leased' ? 'leased' : 'exhausted'
  }

  /** Evicts until it is enough, or a job's worth is done. */
  #evict(transaction: Transaction, isEnough: () => boolean): { readonly last: Eviction; readonly evictions: number } {
    let evictions = 0
    let last: Eviction = 'evicted'
    while (evictions < EVICTIONS_PER_JOB && !isEnough()) {
      if (evictions === 0) this.#options.evictor.seeOthers()
      last = this.#options.evictor.evictOldest(transaction)
      if (last !== 'evicted') break
      evictions += 1
    }
    return { last, evictions }
  }

  /**
   * What is held, together with what a write adds: by what each piece counts for, or by the pages in use if that is
   * more, because rows that went may leave gaps in them.
   */
  #heldBytes(
    { usedBytes, fileBytes }: Pick<Transaction, 'usedBytes' | 'fileBytes'>,
    { bytes, destination }: Need = NOTHING,
  ): number {
    const { totalBytes, freeBytes } = this.#options.pages
    // A small row finds its place in a page; if that takes another page after all, the next write makes room for it.
    const addedBytes = destination === 'row' ? Math.floor(bytes / PAGE_BYTES) * PAGE_BYTES : bytes
    return Math.max(usedBytes + bytes, totalBytes - freeBytes + fileBytes + addedBytes)
  }

  async #trim(): Promise<void> {
    const { quota, remover, pages, write } = this.#options
    this.#isTrimming = true
    try {
      for (let isLeft = true; isLeft && !this.#isStopped;) {
        const trimSome = (transaction: Transaction): boolean => {
          const isEnough = (): boolean => {
            pages.measure()
            const leavingBytes = transaction.leavingBytes + remover.leavingBytes
            return this.#heldBytes(transaction) - leavingBytes <= quota.lowBytes
          }
          return this.#evict(transaction, isEnough).evictions === EVICTIONS_PER_JOB
        }
        isLeft = await write(trimSome, { isDurable: false })
      }
    } catch (error) {
      reportEvent({ kind: 'cleanup-failure', storageType: 'Sqlite', operation: 'evict', error })
    } finally {
      this.#isTrimming = false
    }
  }

  #assertFits({ bytes }: Need): void {
    const { largestBytes, maxBytes } = this.#options.quota
    if (bytes <= largestBytes) return
    throw new StorageError('too-large', `Sqlite: ${bytes} bytes do not fit in a quota of ${maxBytes}`)
  }

  #fullError(): StorageError {
    const reason = 'all of it is taken by content being written or read, or by files that cannot be removed'
    return new StorageError(
      'no-space',
      `Sqlite: the quota of ${this.#options.quota.maxBytes} bytes is full and ${reason}`,
    )
  }
}
