import { StorageError } from './storage-error.ts'

/** Bounds what the files of all uploads that are on their way in take of a disk together. */
export class SpoolBudget {
  readonly maxBytes: number
  #heldBytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /**
   * Takes room for so many more bytes.
   *
   * @throws StorageError `unavailable` when that is more than is left: other uploads will end, and make room.
   */
  take(bytes: number): void {
    if (this.#heldBytes + bytes > this.maxBytes) {
      throw new StorageError(
        'unavailable',
        `the uploads on their way in take more than ${this.maxBytes} bytes; try again`,
      )
    }
    this.#heldBytes += bytes
  }

  /** Gives back what was taken. */
  giveBack(bytes: number): void {
    this.#heldBytes -= bytes
  }
}
