import type { Digest } from '@caskade/core'
import type { AccessClock } from '@caskade/core/files'
import { KnownBlobs } from '@caskade/core/lookup'
import type { AccessLog } from './access-log.ts'
import type { BlobLookups } from './blob-lookups.ts'
import type { OthersVersion } from './others-version.ts'
import type { Removals } from './removals.ts'
import type { Transactions } from './transactions.ts'

/** How many blobs are remembered: 24 MiB. */
const MAX_KNOWN = 2 ** 20

const US_PER_SECOND = 1_000_000

/** What a {@link BlobFinder} needs. */
export interface BlobFinderOptions {
  readonly lookups: BlobLookups
  readonly removals: Removals
  readonly othersVersion: OthersVersion
  readonly transactions: Transactions
  readonly accessLog: AccessLog
  readonly clock: AccessClock
  readonly granularityMs: number
}

/**
 * Finds out which of many blobs are missing.
 *
 * What the database said is remembered, with the last recorded use: as long as another use would not be recorded, and the blob
 * was not removed, the database need not be asked again. Every removal is on record, whoever made it, and a read sees all that
 * were committed before it; when nothing at all was committed since the last look, there was none. What is not remembered, and
 * thus all that is missing, is looked up.
 */
export class BlobFinder {
  readonly #options: BlobFinderOptions
  readonly #known = new KnownBlobs(MAX_KNOWN)
  /** All removals up to this one are taken account of. */
  #seen = 0
  /** How many transactions of this connection had been begun then, and what of others was seen. */
  #seenBegun = -1
  #seenVersion: unknown

  constructor(options: BlobFinderOptions) {
    this.#options = options
  }

  /** What {@link OthersVersion.read} said to the last look; undefined when it was not asked. */
  get seenVersion(): unknown {
    return this.#seenVersion
  }

  /**
   * Tells whether all are remembered to be there, and nothing was committed since: most of what is asked of few. It costs a
   * third of a transaction that reads.
   */
  knowsAll(digests: readonly Digest[]): boolean {
    const { transactions, othersVersion } = this.#options
    if (transactions.isOpen || !this.#isUnchanged(othersVersion.read())) return false
    const freshFrom = this.#freshFrom()
    return digests.every((digest) => this.#isKnown(digest, freshFrom))
  }

  /** Adds those that are missing to `missing`, in their order, and notes a use of the others. Must run within one read of the database. */
  addMissing(digests: readonly Digest[], missing: Digest[]): void {
    const { lookups, transactions, accessLog } = this.#options
    // What is read in between of changes may yet be undone.
    const { isReading } = transactions
    if (isReading) this.#forgetRemoved()
    else this.#seenVersion = undefined
    const freshFrom = this.#freshFrom()
    const unknown = isReading ? digests.filter((digest) => !this.#isKnown(digest, freshFrom)) : digests
    const records = lookups.find(unknown)
    for (const [index, digest] of unknown.entries()) {
      const record = records[index]
      if (record === undefined) {
        missing.push(digest)
        continue
      }
      const usedUs = accessLog.useBlob(record)
      // Rounded down, so that the next use is looked up rather too early.
      if (isReading) this.#known.note(digest, Math.floor(usedUs / US_PER_SECOND))
    }
  }

  /** A use after this time, in seconds, is recent enough that another would not be recorded. */
  #freshFrom(): number {
    const { clock, granularityMs } = this.#options
    return (clock.next() - granularityMs * 1000) / US_PER_SECOND
  }

  /** Tells whether a blob is there and was used after a time, in seconds, as far as that is remembered. */
  #isKnown(digest: Digest, afterSeconds: number): boolean {
    const seconds = this.#known.find(digest)
    return seconds !== undefined && seconds > afterSeconds
  }

  #forgetRemoved(): void {
    const { removals, transactions, othersVersion } = this.#options
    const version = othersVersion.read()
    if (this.#isUnchanged(version)) return
    this.#forgetUpTo(removals.last())
    // Only once it is done.
    this.#seenBegun = transactions.begun
    this.#seenVersion = version
  }

  /** Whether nobody has committed anything since the last look. */
  #isUnchanged(version: unknown): boolean {
    return this.#seenBegun === this.#options.transactions.begun && this.#seenVersion === version
  }

  #forgetUpTo(last: number): void {
    const { removals } = this.#options
    if (last === this.#seen) return
    const removed = removals.between(this.#seen, last)
    if (removed === undefined) this.#known.clear()
    else for (const digest of removed) this.#known.forget(digest)
    this.#seen = last
  }
}
