import type { BlobReader } from '../blob-reader.ts'
import type { Digest } from '../digest.ts'
import { exactDigestKey } from '../digest.ts'
import type { FileOperations } from '../files/file-operations.ts'
import type { OperationOptions } from '../operation-options.ts'
import type { StorageABC } from '../storage-abc.ts'
import { verifiedReader } from '../verified-reader.ts'
import type { CacheGuard } from './cache-guard.ts'
import type { CacheTier } from './cache-tier.ts'
import type { FillRegistry } from './fill-registry.ts'
import { SharedFetch } from './shared-fetch.ts'

/** What a {@link FetchRegistry} works with. */
export interface FetchRegistryOptions {
  readonly fallback: StorageABC
  readonly tier: CacheTier
  readonly guard: CacheGuard
  readonly fills: FillRegistry
  /** Where blobs wait that are larger than what is kept in memory. */
  readonly spoolDirectory: string
  readonly files: FileOperations
  /** Keeps the storage from stopping until the returned function is called. */
  readonly hold: () => () => void
}

/** Reads blobs from the fallback, each once however many ask for it at the same time, and fills the cache with them. */
export class FetchRegistry {
  readonly #options: FetchRegistryOptions
  // By hash and size: those that ask for a wrong size find nothing.
  readonly #fetches = new Map<string, SharedFetch>()

  constructor(options: FetchRegistryOptions) {
    this.#options = options
  }

  /** Opens a blob that somebody else is being given already; undefined when nobody is. */
  join(digest: Digest, options: OperationOptions): Promise<BlobReader | null> | undefined {
    const fetch = this.#fetches.get(exactDigestKey(digest))
    return fetch?.canJoin === true ? fetch.join(options) : undefined
  }

  /** Opens a blob, whole; resolves to null when the fallback has none. */
  read(digest: Digest, options: OperationOptions): Promise<BlobReader | null> {
    return this.join(digest, options) ?? this.#begin(digest).join(options)
  }

  /** Lets nobody join the fetches of blobs that were deleted; those who did read on. */
  forget(digests: readonly Digest[]): void {
    for (const digest of digests) this.#fetches.delete(exactDigestKey(digest))
  }

  /** Lets nobody join fetches that may find nothing, of blobs that are there now. */
  renew(digests: readonly Digest[]): void {
    for (const digest of digests) {
      if (this.#fetches.get(exactDigestKey(digest))?.isFound === false) this.#fetches.delete(exactDigestKey(digest))
    }
  }

  #begin(digest: Digest): SharedFetch {
    const { fallback, spoolDirectory, files, guard, hold } = this.#options
    const key = exactDigestKey(digest)
    const fetch = new SharedFetch({
      digest,
      directory: spoolDirectory,
      files,
      open: (signal) => fallback.getBlob(digest, { signal }),
      reopen: (options) => this.#readAlone(digest, options),
      onCorrupt: (error) => guard.report('corrupt', 'getBlob', error, digest),
      onSpillFailure: (error) => guard.report('spool-failure', 'getBlob', error, digest),
    })
    this.#fetches.set(key, fetch)
    const release = hold()
    void this.#fill(digest, fetch).finally(() => {
      if (this.#fetches.get(key) === fetch) this.#fetches.delete(key)
      release()
    })
    return fetch
  }

  async #fill(digest: Digest, fetch: SharedFetch): Promise<void> {
    const { tier, fills } = this.#options
    const fill = fills.begin(digest)
    const letGo = fetch.keep()
    try {
      const isFound = await fetch.found.catch(() => false)
      const isStored = isFound && (await tier.write(digest, fetch.source(), fill, fetch.ended))
      if (isStored) fills.markFresh(digest)
      await fetch.ended
    } finally {
      fill.end()
      letGo()
    }
  }

  async #readAlone(digest: Digest, options: OperationOptions): Promise<BlobReader | null> {
    const reader = await this.#options.fallback.getBlob(digest, options)
    return (
      reader &&
      verifiedReader(reader, digest, (error) => this.#options.guard.report('corrupt', 'getBlob', error, digest))
    )
  }
}
