import type { AccessLog } from './access-log.ts'
import type { BlobRecord, BlobRecords } from './blob-records.ts'
import type { EntryAge, EntryRecords } from './entry-records.ts'
import type { Transaction } from './write-queue.ts'

/** What an {@link Evictor} needs. */
export interface EvictorOptions {
  readonly blobs: BlobRecords
  readonly entries: EntryRecords
  readonly accessLog: AccessLog
  /** Marks the files of evicted blobs as this process's to remove. */
  readonly owner: string
}

/** Chooses what to let go: the least recently used first, entries and blobs alike. */
export class Evictor {
  readonly #options: EvictorOptions

  constructor(options: EvictorOptions) {
    this.#options = options
  }

  /**
   * Evicts what was used least recently; returns false when there is nothing. What was used and not yet recorded as such
   * is spared: recording it takes the place of the eviction, and the next call goes on from there.
   */
  evictOldest(transaction: Transaction): boolean {
    const { blobs, entries, accessLog } = this.#options
    const blob = blobs.oldest()
    const entry = entries.oldest()
    if (entry !== undefined && (blob === undefined || entry.accessedUs <= blob.accessedUs)) {
      const usedUs = accessLog.takeEntry(entry.id)
      if (usedUs === undefined) this.#removeEntry(transaction, entry)
      else entries.touch(entry.id, usedUs)
      return true
    }
    if (blob === undefined) return false
    const usedUs = accessLog.takeBlob(blob.id)
    if (usedUs === undefined) this.remove(transaction, blob)
    else blobs.touch(blob.id, usedUs)
    return true
  }

  /** Removes one blob; its file, if it has one, becomes loose. */
  remove(transaction: Transaction, record: BlobRecord): void {
    const { blobs, owner } = this.#options
    const { fileId, costBytes } = record
    blobs.remove(record)
    if (fileId === null) {
      transaction.usedBytes -= costBytes
      return
    }
    blobs.keepLooseFile(fileId, owner, costBytes)
    transaction.looseFiles.push({ id: fileId, costBytes })
    transaction.leavingBytes += costBytes
  }

  #removeEntry(transaction: Transaction, { id, costBytes }: EntryAge): void {
    this.#options.entries.remove(id)
    transaction.usedBytes -= costBytes
  }
}
