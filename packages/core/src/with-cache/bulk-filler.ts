import type { Digest } from '../digest.ts'
import type { OperationOptions } from '../operation-options.ts'
import type { Status } from '../status.ts'
import type { StorageABC } from '../storage-abc.ts'
import type { CacheAttempt } from './cache-attempt.ts'
import type { CacheTier } from './cache-tier.ts'
import type { Fill, FillRegistry } from './fill-registry.ts'

/** How much may be on its way into the cache behind the backs of readers, in bytes; more is not cached this time. */
const MAX_BEHIND_BYTES = 64 * 1024 * 1024

/** What a {@link BulkFiller} works with. */
export interface BulkFillerOptions {
  readonly tier: CacheTier
  readonly fills: FillRegistry
  /** Larger blobs are not cached, in bytes. */
  readonly maxBlobBytes: number
  /** Keeps the storage from stopping until the returned function is called. */
  readonly hold: () => () => void
}

type Blob = readonly [digest: Digest, bytes: Uint8Array]

/** Brings the blobs of bulk calls into the cache, with one call for all. */
export class BulkFiller {
  readonly #options: BulkFillerOptions
  #behindBytes = 0

  constructor(options: BulkFillerOptions) {
    this.#options = options
  }

  /** Stores blobs where they count, then those of them that could be stored in the cache. */
  async along(
    blobs: readonly Blob[],
    store: () => Promise<readonly Status[]>,
    options: OperationOptions,
  ): Promise<Status[]> {
    const fills = this.#begin(blobs.map(([digest]) => digest))
    try {
      const statuses = await store()
      const stored = blobs.filter((_, index) => statuses[index]?.code === 'ok')
      await this.#fill(stored, fills, options)
      return [...statuses]
    } finally {
      endAll(fills)
    }
  }

  /**
   * Reads blobs where they count, and brings those that were there into the cache; nobody waits for that. What is deleted
   * from the moment of asking on is not brought there.
   */
  async behind(
    digests: readonly Digest[],
    read: () => Promise<Map<string, Uint8Array>>,
  ): Promise<Map<string, Uint8Array>> {
    const fills = this.#begin(digests)
    try {
      const fetched = await read()
      void this.#fillBehind(digests, fetched, fills)
      return fetched
    } catch (error) {
      endAll(fills)
      throw error
    }
  }

  async #fillBehind(
    digests: readonly Digest[],
    fetched: ReadonlyMap<string, Uint8Array>,
    fills: ReadonlyMap<Digest, Fill>,
  ): Promise<void> {
    const blobs: Blob[] = []
    let takenBytes = 0
    for (const digest of digests) {
      const bytes = fetched.get(digest.hash)
      if (bytes === undefined || this.#behindBytes + takenBytes + bytes.byteLength > MAX_BEHIND_BYTES) continue
      takenBytes += bytes.byteLength
      blobs.push([digest, bytes])
    }
    this.#behindBytes += takenBytes
    const release = this.#options.hold()
    try {
      await this.#fill(blobs, fills, {})
    } finally {
      endAll(fills)
      this.#behindBytes -= takenBytes
      release()
    }
  }

  #begin(digests: readonly Digest[]): Map<Digest, Fill> {
    const { fills, maxBlobBytes } = this.#options
    const begun = new Map<Digest, Fill>()
    for (const digest of digests) {
      if (digest.sizeBytes <= maxBlobBytes && !begun.has(digest)) begun.set(digest, fills.begin(digest))
    }
    return begun
  }

  async #fill(blobs: readonly Blob[], fills: ReadonlyMap<Digest, Fill>, { signal }: OperationOptions): Promise<void> {
    const isWanted = ([digest]: Blob): boolean => fills.get(digest)?.isCancelled === false
    const wanted = blobs.filter(([digest]) => fills.get(digest)?.beginWriting() === true)
    if (wanted.length === 0) return
    const { tier } = this.#options
    const store = (cache: StorageABC, attempt: CacheAttempt): Promise<Status[]> =>
      cache.bulkUpdateBlobs(wanted, { signal: attempt.signal })
    const statuses = await tier.ask('bulkUpdateBlobs', store, {
      signal,
      // Stored after it was given up: what was deleted meanwhile must not come back.
      discard: () => {
        const deleted = wanted.filter((blob) => !isWanted(blob)).map(([digest]) => digest)
        if (deleted.length > 0) void tier.ask('bulkDelete', (cache) => cache.bulkDelete(deleted))
      },
    })
    for (const [index, [digest]] of wanted.entries()) {
      if (statuses?.[index]?.code === 'ok') this.#options.fills.markFresh(digest)
    }
  }
}

function endAll(fills: ReadonlyMap<Digest, Fill>): void {
  for (const fill of fills.values()) fill.end()
}
