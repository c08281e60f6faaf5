import type { AccessClock } from '@caskade/core/files'
import type { BlobRecords } from './blob-records.ts'
import type { EntryRecords } from './entry-records.ts'

/** How many uses of blobs, and of entries, a transaction records: some 2 milliseconds' worth. */
const USES_PER_TRANSACTION = 100

/** How many uses may wait: who looks up more, faster than they are recorded, waits for that. A megabyte or two. */
export const MAX_WAITING_USES = 16_384

/** Gathers uses, so that a read costs no write: they are recorded with the next transaction. */
export class AccessLog {
  readonly #clock: AccessClock
  readonly #granularityUs: number
  readonly #blobs = new Map<number, number>()
  readonly #entries = new Map<number, number>()

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

  /**
   * Notes the use of an entry; returns whether it counts. Then the blobs that the entry references must be kept after it:
   * see {@link keepBlob}.
   */
  useEntry(record: { readonly id: number; readonly accessedUs: number }): boolean {
    const now = this.#clock.next()
    if (now - record.accessedUs < this.#granularityUs) return false
    this.#entries.set(record.id, now)
    return true
  }

  /** Notes the use of a blob however recently it was used: it must not go before the entry that references it. */
  keepBlob(id: number): void {
    this.#blobs.set(id, this.#clock.next())
  }

  /** Takes back a use that is not yet recorded: its time, in microseconds since 1970. */
  takeBlob(id: number): number | undefined {
    return take(this.#blobs, id)
  }

  /** Takes back a use that is not yet recorded, likewise. */
  takeEntry(id: number): number | undefined {
    return take(this.#entries, id)
  }

  /** Records some of what was gathered, and forgets it even when that fails. Must run within a transaction. */
  record(blobs: BlobRecords, entries: EntryRecords): void {
    for (const [id, accessedUs] of takeSome(this.#blobs)) blobs.touch(id, accessedUs)
    for (const [id, accessedUs] of takeSome(this.#entries)) entries.touch(id, accessedUs)
  }
}

function take(uses: Map<number, number>, id: number): number | undefined {
  const accessedUs = uses.get(id)
  uses.delete(id)
  return accessedUs
}

function takeSome(uses: Map<number, number>): (readonly [id: number, accessedUs: number])[] {
  const some: (readonly [id: number, accessedUs: number])[] = []
  for (const use of uses) {
    if (some.length === USES_PER_TRANSACTION) break
    uses.delete(use[0])
    some.push(use)
  }
  return some
}
