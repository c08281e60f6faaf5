import { isWithinLease } from '@caskade/core'
import type { AccessClock } from '@caskade/core/files'
import type { AccessLog } from './access-log.ts'
import type { BlobRecord, BlobRecords } from './blob-records.ts'
import type { EntryAge, EntryRecords } from './entry-records.ts'
import type { OpenFiles } from './open-files.ts'
import type { Transaction } from './write-queue.ts'

/** What an {@link Evictor} needs. */
export interface EvictorOptions {
  readonly blobs: BlobRecords
  readonly entries: EntryRecords
  readonly accessLog: AccessLog
  readonly clock: AccessClock
  /** The files that this process is reading. */
  readonly openFiles: OpenFiles
  /** Marks the files of evicted blobs as this process's to remove. */
  readonly owner: string
  /** What was used within so many microseconds stays. */
  readonly leaseUs: number
}

/** What an attempt to let something go came to. `leased`: all there is was used within the lease. */
export type Eviction = 'evicted' | 'leased' | 'empty'

/** Chooses what to let go: the least recently used first, entries and blobs alike. */
export class Evictor {
  readonly #options: EvictorOptions

  constructor(options: EvictorOptions) {
    this.#options = options
  }

  /**
   * Evicts what was used least recently. What was used later than its row says is spared: having the row say so takes the
   * place of the eviction, and the next call goes on from there.
   */
  evictOldest(transaction: Transaction): Eviction {
    const { blobs, entries, accessLog } = this.#options
    const blob = blobs.oldest()
    const entry = entries.oldest()
    if (entry !== undefined && (blob === undefined || entry.accessedUs <= blob.accessedUs)) {
      if (this.#isLeased(entry)) return 'leased'
      const usedUs = accessLog.lastUseOfEntry(entry.id)
      if (usedUs > entry.accessedUs) entries.touch(entry.id, usedUs)
      else this.#removeEntry(transaction, entry)
      return 'evicted'
    }
    if (blob === undefined) return 'empty'
    if (this.#isLeased(blob)) return 'leased'
    const usedUs = accessLog.lastUseOfBlob(blob.id)
    if (usedUs > blob.accessedUs) blobs.touch(blob.id, usedUs)
    else this.remove(transaction, blob)
    return 'evicted'
  }

  /** Takes account of what other processes have recorded; must run before evictions of a transaction. */
  seeOthers(): void {
    this.#options.accessLog.seeOthers()
  }

  /** Removes one blob; its file, if it has one, becomes loose. */
  remove(transaction: Transaction, record: BlobRecord): void {
    const { blobs, openFiles, owner } = this.#options
    const { fileId, costBytes } = record
    blobs.remove(record)
    if (fileId === null) {
      transaction.usedBytes -= costBytes
      return
    }
    blobs.keepLooseFile(fileId, owner, costBytes)
    // A file that is being read takes its room until it is closed, and is removed then.
    if (openFiles.isOpen(fileId)) return
    transaction.looseFiles.push({ id: fileId, costBytes })
    transaction.leavingBytes += costBytes
  }

  #isLeased({ accessedUs }: Pick<BlobRecord, 'accessedUs'>): boolean {
    const { clock, leaseUs } = this.#options
    return isWithinLease(clock.nowUs() - accessedUs, leaseUs)
  }

  #removeEntry(transaction: Transaction, { id, costBytes }: EntryAge): void {
    this.#options.entries.remove(id)
    transaction.usedBytes -= costBytes
  }
}
