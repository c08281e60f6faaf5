import { StorageError } from '@caskade/core'
import type { Evictor } from './evictor.ts'
import type { FileRemover } from './file-remover.ts'
import type { JobOptions, Transaction } from './write-queue.ts'

/** What a {@link RoomMaker} needs. */
export interface RoomMakerOptions {
  /** The quota, in bytes. */
  readonly maxBytes: number
  readonly evictor: Evictor
  readonly remover: FileRemover
  /** Runs changes within a transaction. */
  readonly write: <Result>(job: (transaction: Transaction) => Result, options?: JobOptions) => Promise<Result>
}

/** Runs changes that need room in the quota, once there is some. */
export class RoomMaker {
  readonly #options: RoomMakerOptions
  /** What the writes need that have not found room yet, so that each evicts for itself and not what another counts on. */
  #awaitedBytes = 0

  constructor(options: RoomMakerOptions) {
    this.#options = options
  }

  /**
   * Runs a job within a transaction in which so many bytes are free, evicting as much as it takes.
   *
   * @throws StorageError `too-large` when it can never fit, `no-space` when all of the quota is taken by writes under way.
   */
  async run<Result>(neededBytes: number, job: (transaction: Transaction) => Result): Promise<Result> {
    const { maxBytes, remover, write } = this.#options
    if (neededBytes > maxBytes) {
      throw new StorageError('too-large', `Sqlite: ${neededBytes} bytes do not fit in a quota of ${maxBytes}`)
    }
    let waitsForBytes = 0
    const setWaiting = (bytes: number): void => {
      this.#awaitedBytes += bytes - waitsForBytes
      waitsForBytes = bytes
    }
    try {
      for (;;) {
        const outcome = await write((transaction) => {
          setWaiting(0)
          const isThere = this.#makeRoom(transaction, neededBytes)
          if (isThere) return { result: job(transaction) }
          setWaiting(neededBytes)
          return { isComing: remover.leavingBytes + transaction.leavingBytes > 0 }
        })
        if ('result' in outcome) return outcome.result
        if (!outcome.isComing) throw this.#fullError()
        await remover.progress()
      }
    } finally {
      setWaiting(0)
    }
  }

  #makeRoom(transaction: Transaction, neededBytes: number): boolean {
    const { maxBytes, evictor, remover } = this.#options
    const wantedBytes = neededBytes + this.#awaitedBytes
    // Files on their way out count as gone here: room that is coming need not be made again.
    while (transaction.usedBytes - transaction.leavingBytes - remover.leavingBytes + wantedBytes > maxBytes) {
      if (!evictor.evictOldest(transaction)) break
    }
    return transaction.usedBytes + neededBytes <= maxBytes
  }

  #fullError(): StorageError {
    const reason = 'all of it is taken by content being written, or by files that cannot be removed'
    return new StorageError('no-space', `Sqlite: the quota of ${this.#options.maxBytes} bytes is full and ${reason}`)
  }
}
