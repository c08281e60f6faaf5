import type { AccessClock } from './access-clock.ts'
import type { BlobRecords } from './blob-records.ts'
import type { EntryRecords } from './entry-records.ts'

/** Gathers uses, so that a read costs no write: they are recorded with the next transaction. */
export class AccessLog {
  readonly #clock: AccessClock
  readonly #granularityUs: number
  #blobs = new Map<number, number>()
  #entries = new Map<number, number>()

  constructor(clock: AccessClock, granularityMs: number) {
    this.#clock = clock
    this.#granularityUs = granularityMs * 1000
  }

  /** The number of uses not yet recorded. */
  get size(): number {
    return this.#blobs.size + this.#entries.size
  }

  useBlob(record: { readonly id: number; readonly accessedUs: number }): void {
    const now = this.#clock.next()
    if (now - record.accessedUs >= this.#granularityUs) this.#blobs.set(record.id, now)
  }

  useEntry(record: { readonly id: number; readonly accessedUs: number }): void {
    const now = this.#clock.next()
    if (now - record.accessedUs >= this.#granularityUs) this.#entries.set(record.id, now)
  }

  /** Records what was gathered, and forgets it even when that fails. Must run within a transaction. */
  record(blobs: BlobRecords, entries: EntryRecords): void {
    const [usedBlobs, usedEntries] = [this.#blobs, this.#entries]
    this.#blobs = new Map()
    this.#entries = new Map()
    for (const [id, accessedUs] of usedBlobs) blobs.touch(id, accessedUs)
    for (const [id, accessedUs] of usedEntries) entries.touch(id, accessedUs)
  }
}
