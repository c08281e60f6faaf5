import { StorageError } from '@caskade/core'
import { fileError, readDiskSpace } from '@caskade/core/files'

/**
 * How much of the disk is left for the write-ahead log, unless the disk is small: for the log itself, and for moving what is in it to the database. Deleting takes that, so on a disk that is full to the last block nothing could be
 * deleted any more.
 */
const RESERVE = { bytes: 64 * 1024 * 1024, share: 1 / 4 }

/** How long what the system said about the disk is believed, in milliseconds; others may be filling it too. */
const BELIEVED_MS = 1000

/** Where a write goes: a row can also take the place of what was deleted from the database. */
export type Destination = 'row' | 'file'

/** What the database tells about its files. */
export interface DatabaseSizes {
  /** The size of the write-ahead log, which is used again and again. */
  readonly logBytes: number
  /** How much of the database is free for new rows. */
  readonly reusableBytes: number
}

/** Keeps writes from taking the room on the disk that deleting needs. */
export class DiskRoom {
  readonly #path: string
  readonly #readSizes: () => Promise<DatabaseSizes>
  #freeBytes = 0
  #reusableBytes = 0
  #underWayBytes = 0
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(path: string, readSizes: () => Promise<DatabaseSizes>) {
    this.#path = path
    this.#readSizes = readSizes
  }

  /**
   * Runs a write that takes so much room on the disk.
   *
   * @throws StorageError `no-space` when the disk is too full for it.
   */
  async use<Result>(costBytes: number, destination: Destination, write: () => Promise<Result>): Promise<Result> {
    this.#underWayBytes += costBytes
    try {
      if (!this.#isEnough(destination) || performance.now() - this.#askedAt > BELIEVED_MS) await this.#ask()
      if (!this.#isEnough(destination)) {
        throw new StorageError('no-space', `Sqlite: the disk of ${this.#path} is too full for ${costBytes} bytes more`)
      }
      const result = await write()
      const reusedBytes = destination === 'row' ? Math.min(costBytes, this.#reusableBytes) : 0
      this.#reusableBytes -= reusedBytes
      this.#freeBytes -= costBytes - reusedBytes
      return result
    } finally {
      this.#underWayBytes -= costBytes
    }
  }

  #isEnough(destination: Destination): boolean {
    const reusableBytes = destination === 'row' ? this.#reusableBytes : 0
    return this.#freeBytes + reusableBytes >= this.#underWayBytes
  }

  async #ask(): Promise<void> {
    try {
      const [{ freeBytes, reserveBytes }, { logBytes, reusableBytes }] = await Promise.all([
        readDiskSpace(this.#path, RESERVE),
        this.#readSizes(),
      ])
      // The log has taken its part of the reserve already.
      this.#freeBytes = freeBytes + Math.min(logBytes, reserveBytes / 2)
      this.#reusableBytes = reusableBytes
      this.#askedAt = performance.now()
    } catch (error) {
      throw fileError(error, 'Sqlite: cannot tell how full the disk is')
    }
  }
}
