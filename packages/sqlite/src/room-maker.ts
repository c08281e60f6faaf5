import { StorageError } from '@caskade/core'
import type { Evictor } from './evictor.ts'
import type { FileRemover } from './file-remover.ts'
import type { JobOptions, Transaction } from './write-queue.ts'

/** How much is let go in one job: some 2 milliseconds' worth. Other work gets its turn between the jobs. */
const EVICTIONS_PER_JOB = 100

/** What a {@link RoomMaker} needs. */
export interface RoomMakerOptions {
  /** The quota, in bytes. */
  readonly maxBytes: number
  readonly evictor: Evictor
  readonly remover: FileRemover
  /** Runs changes within a transaction. */
  readonly write: <Result>(job: (transaction: Transaction) => Result, options?: JobOptions<Result>) => Promise<Result>
}

/** What making room came to. `coming`: once files are removed; `unfinished`: there is more to evict; `exhausted`: nothing. */
type Room = 'there' | 'coming' | 'unfinished' | 'exhausted'

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
        const attempt = (transaction: Transaction): { room: Room; result?: Result } => {
          setWaiting(0)
          const room = this.#makeRoom(transaction, neededBytes)
          if (room === 'there') return { room, result: job(transaction) }
          setWaiting(neededBytes)
          return { room }
        }
        const { room, result } = await write(attempt, { isDurable: ({ room: made }) => made === 'there' })
        if (room === 'there') return result as Result
        if (room === 'exhausted') throw this.#fullError()
        if (room === 'coming') await remover.progress()
      }
    } finally {
      setWaiting(0)
    }
  }

  #makeRoom(transaction: Transaction, neededBytes: number): Room {
    const { maxBytes, evictor, remover } = this.#options
    const wantedBytes = neededBytes + this.#awaitedBytes
    const leavingBytes = (): number => transaction.leavingBytes + remover.leavingBytes
    // Files on their way out count as gone here: room that is coming need not be made again.
    const isEnough = (): boolean => transaction.usedBytes - leavingBytes() + wantedBytes <= maxBytes
    let evictions = 0
    while (evictions < EVICTIONS_PER_JOB && !isEnough() && evictor.evictOldest(transaction)) evictions += 1
    if (transaction.usedBytes + neededBytes <= maxBytes) return 'there'
    if (evictions === EVICTIONS_PER_JOB) return 'unfinished'
    return leavingBytes() > 0 ? 'coming' : 'exhausted'
  }

  #fullError(): StorageError {
    const reason = 'all of it is taken by content being written, or by files that cannot be removed'
    return new StorageError('no-space', `Sqlite: the quota of ${this.#options.maxBytes} bytes is full and ${reason}`)
  }
}
