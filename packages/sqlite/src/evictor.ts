import type { BlobRecord, BlobRecords } from './blob-records.ts'
import type { EntryRecords } from './entry-records.ts'
import type { Transaction } from './write-queue.ts'

/** Chooses what to let go: the least recently used first, entries and blobs alike. */
export class Evictor {
  readonly #blobs: BlobRecords
  readonly #entries: EntryRecords
  readonly #owner: string

  constructor(blobs: BlobRecords, entries: EntryRecords, owner: string) {
    this.#blobs = blobs
    this.#entries = entries
    this.#owner = owner
  }

  /** Evicts what was used least recently; returns false when there is nothing. */
  evictOldest(transaction: Transaction): boolean {
    const blob = this.#blobs.oldest()
    const entry = this.#entries.oldest()
    if (entry !== undefined && (blob === undefined || entry.accessedUs <= blob.accessedUs)) {
      this.#entries.remove(entry.id)
      transaction.usedBytes -= entry.costBytes
      return true
    }
    if (blob === undefined) return false
    this.remove(transaction, blob)
    return true
  }

  /** Removes one blob; its file, if it has one, becomes loose. */
  remove(transaction: Transaction, record: BlobRecord): void {
    const { fileId, costBytes } = record
    this.#blobs.remove(record)
    if (fileId === null) {
      transaction.usedBytes -= costBytes
      return
    }
    this.#blobs.keepLooseFile(fileId, this.#owner, costBytes)
    transaction.looseFiles.push({ id: fileId, costBytes })
    transaction.leavingBytes += costBytes
  }
}
