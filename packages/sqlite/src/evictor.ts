import type { BlobRecord, BlobRecords } from './blob-records.ts'
import type { EntryRecords } from './entry-records.ts'
import type { Transaction } from './write-queue.ts'

/** Chooses what to let go: the least recently used first, entries and blobs alike. */
export class Evictor {
  readonly #blobs: BlobRecords
  readonly #entries: EntryRecords
  readonly #maxBytes: number
  readonly #owner: string

  constructor(blobs: BlobRecords, entries: EntryRecords, maxBytes: number, owner: string) {
    this.#blobs = blobs
    this.#entries = entries
    this.#maxBytes = maxBytes
    this.#owner = owner
  }

  /**
   * Evicts until so many bytes more would fit, counting files as gone that are yet to be removed. Returns whether there
   * is room now; if not, there may be once files are removed.
   */
  makeRoom(transaction: Transaction, neededBytes: number): boolean {
    let leavingBytes = 0
    while (transaction.usedBytes - leavingBytes + neededBytes > this.#maxBytes) {
      const blob = this.#blobs.oldest()
      const entry = this.#entries.oldest()
      if (entry !== undefined && (blob === undefined || entry.accessedUs <= blob.accessedUs)) {
        this.#entries.remove(entry.id)
        transaction.usedBytes -= entry.costBytes
        continue
      }
      if (blob === undefined) break
      this.remove(transaction, blob)
      if (blob.fileId !== null) leavingBytes += blob.costBytes
    }
    return transaction.usedBytes + neededBytes <= this.#maxBytes
  }

  /** Removes one blob; its file, if it has one, becomes loose. */
  remove(transaction: Transaction, record: BlobRecord): void {
    this.#blobs.remove(record)
    if (record.fileId === null) {
      transaction.usedBytes -= record.costBytes
      return
    }
    this.#blobs.keepLooseFile(record.fileId, this.#owner, record.costBytes)
    transaction.looseFileIds.push(record.fileId)
  }
}
