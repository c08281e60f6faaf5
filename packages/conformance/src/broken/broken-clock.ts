import type { BlobReader, BlobSource, Digest, OperationOptions, ReadOptions } from '@caskade/core'
import { digestKey } from '@caskade/core'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { BrokenStorage, BrokenStorageOptions } from './broken-storage.ts'

const MONTH_MS = 30 * 24 * 3_600_000

/** Storages that believe the clock. */
export const brokenClock: readonly BrokenStorage[] = [
  {
    defect: 'orders uses by the time of day',
    caughtBy: 'clock: one that goes back an hour loses nothing, and of two blobs the one used last is evicted last',
    create: (options) => new ClockStorage(options),
  },
  {
    defect: 'forgets what was not used for a month',
    caughtBy: 'clock: one that goes forward a year loses nothing, and of two blobs the one used last is evicted last',
    create: (options) => new ClockStorage(options, { keepsMs: MONTH_MS }),
  },
  {
    defect: 'believes in uses that are yet to come',
    caughtBy:
      'clock: one that goes forward a year and back again loses nothing, and of two blobs the one used last is evicted last',
    create: (options) => new ClockStorage(options),
  },
  {
    defect: 'evicts the newest of those used in the same millisecond',
    caughtBy: 'clock: one that stands still loses nothing, and of two blobs the one used last is evicted last',
    create: (options) => new ClockStorage(options, { evictsNewest: true }),
  },
]

interface ClockDefects {
  readonly keepsMs?: number
  readonly evictsNewest?: boolean
}

/** Takes the order of use from a clock instead of from the uses. */
class ClockStorage extends ReferenceStorage {
  readonly #now: () => number
  readonly #defects: ClockDefects
  readonly #usedMs = new Map<string, number>()

  constructor(options: BrokenStorageOptions, defects: ClockDefects = {}) {
    super(options)
    this.#now = options.now ?? Date.now
    this.#defects = defects
  }

  override async hasBlob(digest: Digest, options?: OperationOptions): Promise<boolean> {
    this.#use(digest)
    return super.hasBlob(digest, options)
  }

  override async getBlob(digest: Digest, options?: ReadOptions): Promise<BlobReader | null> {
    this.#use(digest)
    return super.getBlob(digest, options)
  }

  override async commitWrite(digest: Digest, source: BlobSource, options?: OperationOptions): Promise<void> {
    this.#use(digest)
    await super.commitWrite(digest, source, options)
  }

  protected override store(digest: Digest, bytes: Uint8Array): void {
    const { evictsNewest } = this.#defects
    const inOrder = evictsNewest === true ? [...this.blobs].toReversed() : [...this.blobs]
    const sorted = inOrder.toSorted(([left], [right]) => (this.#usedMs.get(left) ?? 0) - (this.#usedMs.get(right) ?? 0))
    this.blobs.clear()
    for (const [key, blob] of sorted) this.blobs.set(key, blob)
    super.store(digest, bytes)
  }

  #use(digest: Digest): void {
    const { keepsMs = Number.MAX_SAFE_INTEGER } = this.#defects
    for (const [key, usedMs] of this.#usedMs) if (this.#now() - usedMs > keepsMs) this.blobs.delete(key)
    this.#usedMs.set(digestKey(digest), this.#now())
  }
}
