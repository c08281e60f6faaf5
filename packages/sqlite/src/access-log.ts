import type { AccessClock } from '@caskade/core/files'
import type { Uses, UseRecords } from './use-records.ts'
import { blobUseKey, entryUseKey } from './use-records.ts'
import type { Transaction } from './write-queue.ts'

/** How many uses a transaction records: a millisecond's worth. */
const USES_PER_TRANSACTION = 4096

/** How many a transaction records without being told to: few make a record that is not worth it. */
const MIN_RECORDED_USES = 64

/** How many uses may wait: who looks up more, faster than they are recorded, waits for that. A megabyte or two. */
export const MAX_WAITING_USES = 16_384

/** How many uses are moved in one job: some 2 milliseconds' worth. */
const MOVED_PER_JOB = 400

/** What moving a use writes to the log, roughly, in bytes: many share a page. */
const MOVE_BYTES = 512

/** The most uses that are on record together before they are moved: more at once share more pages. */
const MAX_RECENT_USES = 65_536

/** How many uses a record has at least, for records not to be more in number than they are worth: so many fewer of them may be. */
const MIN_USES_PER_RECORD = 16

/** What of the quota they may take, as a share, while they are on record: each takes 16 bytes, and twice as many may be. */
const RECENT_SHARE = 1 / 64

/** What an {@link AccessLog} needs. */
export interface AccessLogOptions {
  readonly clock: AccessClock
  readonly granularityMs: number
  /** The quota, in bytes. */
  readonly maxBytes: number
  readonly uses: UseRecords
}

/** Uses that are being moved. */
interface Move {
  readonly uses: Uses
  /** In the order of the table. */
  readonly keys: Float64Array
  /** The last record of them. */
  readonly last: number
  /** How many of the keys are done. */
  done: number
}

/**
 * Keeps account of uses, so that a read costs no write, and a use that is new but a few bytes of one.
 *
 * A use waits in memory for the next transaction, which records it: together with many others, after those that came before. Once
 * there are very many, they are moved, in order, to a table of the last use of everything. Until then they are in memory, too.
 * What the row of a blob or entry says stays as it is: only who wants to evict it has it say when it was last used, if that
 * was later (see `Evictor`). That costs most, two or three pages that few others change, and most uses are never asked for.
 */
export class AccessLog {
  readonly #options: AccessLogOptions
  readonly #granularityUs: number
  readonly #maxRecent: number
  /** Not on record yet. */
  readonly #waiting: Uses = new Map()
  #isRecordingDue = false
  /** On record, and not moved yet. */
  #recent: Uses = new Map()
  /** In how many records. */
  #records = 0
  #move: Move | undefined
  /** What other processes have recorded, up to a record; they may have moved some since. */
  readonly #ofOthers: Uses = new Map()
  #seen = 0
  /** How many of others are kept before it is looked which of them are still on record. */
  #maxOfOthers: number

  constructor(options: AccessLogOptions) {
    this.#options = options
    this.#granularityUs = options.granularityMs * 1000
    this.#maxRecent = Math.min(MAX_RECENT_USES, Math.floor((options.maxBytes * RECENT_SHARE) / 32))
    this.#maxOfOthers = 4 * this.#maxRecent
  }

  /** The number of uses not yet recorded. */
  get size(): number {
    return this.#waiting.size
  }

  /** Begins to move uses if there are many; returns whether any are to be moved. Must not run within a transaction. */
  beginMove(): boolean {
    const isDue = this.isExcessive || this.#records >= this.#maxRecent / MIN_USES_PER_RECORD
    if (this.#move === undefined && isDue) {
      const keys = Float64Array.from(this.#recent.keys()).toSorted()
      this.#move = { uses: this.#recent, keys, last: this.#options.uses.lastOwn(), done: 0 }
      this.#recent = new Map()
      this.#records = 0
    }
    return this.#move !== undefined
  }

  /** Whether so many more are on record already that moving them must not take its time. */
  get isMoveUrgent(): boolean {
    return this.#move !== undefined && this.#recent.size >= this.#maxRecent / 2
  }

  /** Whether more are on record than should be. */
  get isExcessive(): boolean {
    return this.#recent.size >= this.#maxRecent
  }

  /** Notes the use of a blob; returns the time of the use that counts for it, in microseconds since 1970. */
  useBlob({ id, accessedUs }: { readonly id: number; readonly accessedUs: number }): number {
    const key = blobUseKey(id)
    const now = this.#options.clock.next()
    const freshUs = this.#freshUse(key, accessedUs, now)
    if (freshUs !== undefined) return freshUs
    this.#waiting.set(key, now)
    return now
  }

  /**
   * Notes the use of an entry; returns whether it counts. Then the blobs that the entry references must be kept after it:
   * see {@link keepBlob}.
   */
  useEntry({ id, accessedUs }: { readonly id: number; readonly accessedUs: number }): boolean {
    const key = entryUseKey(id)
    const now = this.#options.clock.next()
    if (this.#freshUse(key, accessedUs, now) !== undefined) return false
    this.#waiting.set(key, now)
    return true
  }

  /** Notes the use of a blob however recently it was used: it must not go before the entry that references it. */
  keepBlob(id: number): void {
    this.#waiting.set(blobUseKey(id), this.#options.clock.next())
  }

  /** Likewise for several, and records them at once. Must run within a transaction. */
  keepBlobsNow(ids: readonly number[]): void {
    if (ids.length === 0) return
    this.#append(new Map(ids.map((id) => [blobUseKey(id), this.#options.clock.next()])))
  }

  /** The last use of a blob, if its row may not say so, in microseconds since 1970; 0 when there is none. */
  lastUseOfBlob(id: number): number {
    return this.#lastUse(blobUseKey(id))
  }

  /** The last use of an entry, likewise. */
  lastUseOfEntry(id: number): number {
    return this.#lastUse(entryUseKey(id))
  }

  /** Takes account of what other processes have recorded meanwhile. */
  seeOthers(): void {
    const { uses } = this.#options
    const last = uses.last()
    if (last === this.#seen) return
    uses.addOfOthers(this.#seen, this.#ofOthers)
    if (this.#ofOthers.size > this.#maxOfOthers) {
      this.#ofOthers.clear()
      uses.addOfOthers(0, this.#ofOthers)
      this.#maxOfOthers = Math.max(this.#maxOfOthers, 2 * this.#ofOthers.size)
    }
    this.#seen = last
  }

  /** The processes that have recorded uses. */
  owners(): string[] {
    return this.#options.uses.owners()
  }

  /** Takes over the uses of processes that are gone. Must run within a transaction. */
  takeOver(owners: readonly string[]): void {
    for (const owner of owners) this.#records += this.#options.uses.takeOver(owner, this.#recent)
  }

  /** Has the next transaction record what waits, however little it is. */
  demandRecord(): void {
    this.#isRecordingDue = true
  }

  /** Records some of what waits, if it is worth it or was demanded; what cannot be recorded counts all the same as long as this runs. Must run within a transaction. */
  record(): void {
    if (this.#waiting.size < (this.#isRecordingDue ? 1 : MIN_RECORDED_USES)) return
    this.#isRecordingDue = false
    const some: Uses = new Map()
    for (const [key, usedUs] of this.#waiting) {
      if (some.size === USES_PER_TRANSACTION) break
      some.set(key, usedUs)
    }
    for (const key of some.keys()) this.#waiting.delete(key)
    this.#append(some)
  }

  /** Moves some of what is on record; to be told of to {@link noteMoved} once committed. Must run within a transaction. */
  moveSome(transaction: Pick<Transaction, 'rowBytes'>): number {
    const move = this.#move
    if (move === undefined) return 0
    const { uses } = this.#options
    const upTo = Math.min(move.keys.length, move.done + MOVED_PER_JOB)
    for (const key of move.keys.subarray(move.done, upTo)) uses.keep(key, move.uses.get(key) ?? 0)
    transaction.rowBytes += (upTo - move.done) * MOVE_BYTES
    if (upTo === move.keys.length) uses.forgetUpTo(move.last)
    return upTo - move.done
  }

  /** Tells that {@link moveSome} was committed, and how many it moved. */
  noteMoved(count: number): void {
    if (this.#move === undefined) return
    this.#move.done += count
    if (this.#move.done < this.#move.keys.length) return
    this.#move = undefined
  }

  /** The time of the last use, if another one now would not be recorded. */
  #freshUse(key: number, accessedUs: number, now: number): number | undefined {
    if (now - accessedUs < this.#granularityUs) return accessedUs
    const lastUs = this.#lastOwnUse(key)
    return now - lastUs < this.#granularityUs ? lastUs : undefined
  }

  #lastUse(key: number): number {
    return Math.max(this.#lastOwnUse(key), this.#ofOthers.get(key) ?? 0, this.#options.uses.find(key))
  }

  /** Those that come later in this line are later uses. */
  #lastOwnUse(key: number): number {
    return this.#waiting.get(key) ?? this.#recent.get(key) ?? this.#move?.uses.get(key) ?? 0
  }

  #append(some: Uses): void {
    for (const [key, usedUs] of some) this.#recent.set(key, usedUs)
    this.#records += 1
    this.#options.uses.append(some)
  }
}
