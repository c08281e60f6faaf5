import type { BlobRecord, BlobRecords } from './blob-records.ts'
import type { EntryRecords } from './entry-records.ts'
import type { Transaction } from './write-queue.ts'

/** What making room came to. */
export interface Eviction {
  /** Whether there is room now. If not, there may be once the files are removed. */
  readonly hasRoom: boolean
  /** Files that no blob names any more; to be removed once the transaction is durable. */
  readonly fileIds: readonly number[]
}

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

  /** Evicts until so many bytes more would fit, counting files as gone that are yet to be removed. */
  makeRoom(transaction: Transaction, neededBytes: number): Eviction {
    const fileIds: number[] = []
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
      const fileId = this.remove(transaction, blob)
      if (fileId === null) continue
      fileIds.push(fileId)
      leavingBytes += blob.costBytes
    }
    return { hasRoom: transaction.usedBytes + neededBytes <= this.#maxBytes, fileIds }
  }

  /** Removes one blob. Returns the file that is to be removed once the transaction is durable, null when it was a row. */
  remove(transaction: Transaction, record: BlobRecord): number | null {
    this.#blobs.remove(record)
    if (record.fileId === null) transaction.usedBytes -= record.costBytes
    else this.#blobs.keepLooseFile(record.fileId, this.#owner, record.costBytes)
    return record.fileId
  }
}
