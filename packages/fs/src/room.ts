import type { Quota } from '@caskade/core'
import { leaseRefusal, reportEvent, StorageError } from '@caskade/core'
import { fileError } from '@caskade/core/files'
import type { Accounts } from './accounts.ts'
import type { Evictor } from './evictor.ts'
import type { Ticket } from './file-publisher.ts'
import type { FileTaker } from './file-taker.ts'

/** What a {@link Room} needs. */
export interface RoomOptions {
  /** With the bytes that are there for files. */
  readonly quota: Quota
  readonly accounts: Accounts
  readonly evictor: Evictor
  readonly taker: FileTaker
}

/** Finds room in the quota for writes, and has the least recently used go when it is nearly full. */
export class Room {
  readonly #options: RoomOptions
  #lastInLine: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #trimming: Promise<void> | undefined
  #isStopped = false

  constructor(options: RoomOptions) {
    this.#options = options
  }

  /**
   * Runs a write that takes so many bytes, from before its first byte; they are given back unless its ticket says that they
   * are in use.
   *
   * @throws StorageError `too-large` when it can never fit; `no-space` when all of the quota is leased, or taken by
   * content being written or read.
   */
  async use<Result>(costBytes: number, write: (ticket: Ticket) => Promise<Result>): Promise<Result> {
    const { accounts, quota } = this.#options
    if (costBytes > quota.maxBytes) {
      throw new StorageError('too-large', `Fs: ${costBytes} bytes do not fit in a quota of ${quota.maxBytes}`)
    }
    await this.#reserve(costBytes)
    const ticket: Ticket = { costBytes, isInUse: false }
    try {
      return await write(ticket)
    } finally {
      accounts.settle(costBytes)
      if (!ticket.isInUse) accounts.free(costBytes)
      this.trim()
    }
  }

  /** Evicts in the background if the quota is nearly full. */
  trim(): void {
    const { accounts, quota } = this.#options
    if (this.#isStopped || accounts.usedBytes <= quota.highBytes) return
    this.#trimming ??= this.#trim().finally(() => {
      this.#trimming = undefined
    })
  }

  /** Ends the eviction in the background. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#trimming
  }

  async #reserve(costBytes: number): Promise<void> {
    const { accounts } = this.#options
    // Who waits for room is not overtaken.
    if (this.#waiting === 0 && accounts.tryTake(costBytes)) return
    this.#waiting += 1
    const turn = this.#lastInLine.then(() => this.#makeRoom(costBytes))
    this.#lastInLine = turn.catch(() => undefined)
    try {
      await turn
    } catch (error) {
      throw fileError(error, 'Fs: cannot account for what is to be written')
    } finally {
      this.#waiting -= 1
    }
  }

  async #makeRoom(costBytes: number): Promise<void> {
    const { accounts, quota, evictor, taker } = this.#options
    for (;;) {
      if (accounts.tryTake(costBytes)) return
      if ((await accounts.grow(costBytes)) && accounts.tryTake(costBytes)) return
      await taker.retry()
      const wantedBytes = (): number => accounts.usedBytes + costBytes - quota.maxBytes
      const { isExhausted, isLeased } = await evictor.evict(wantedBytes, wantedBytes() / quota.maxBytes)
      if (!isExhausted) continue
      // What others gave back meanwhile, or what a process that is gone had taken.
      await accounts.adopt()
      if ((await accounts.grow(costBytes)) && accounts.tryTake(costBytes)) return
      if (isLeased) throw leaseRefusal('Fs', quota)
      throw this.#fullError()
    }
  }

  async #trim(): Promise<void> {
    const { accounts, quota, evictor } = this.#options
    const share = (accounts.usedBytes - quota.lowBytes) / Math.max(accounts.usedBytes, 1)
    try {
      while (!this.#isStopped && accounts.usedBytes > quota.lowBytes) {
        const { isExhausted } = await evictor.evict(() => accounts.usedBytes - quota.lowBytes, share)
        if (isExhausted) return
        // Others may have evicted as well.
        await accounts.refresh()
      }
    } catch (error) {
      reportEvent({ kind: 'cleanup-failure', storageType: 'Fs', operation: 'evict', error })
    }
  }

  #fullError(): StorageError {
    const reason = 'all of it is taken by content being written or read'
    return new StorageError('no-space', `Fs: the quota of ${this.#options.quota.maxBytes} bytes is full and ${reason}`)
  }
}
