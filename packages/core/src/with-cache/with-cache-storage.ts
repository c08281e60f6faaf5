import { tmpdir } from 'node:os'
import type { BlobReader } from '../blob-reader.ts'
import type { BlobSource } from '../blob-source.ts'
import { coversBlob, resolveRange } from '../byte-range.ts'
import type { Digest, DigestFunction } from '../digest.ts'
import { startAll, stopAll } from '../lifecycle.ts'
import type { OperationOptions, ReadOptions } from '../operation-options.ts'
import type { Status } from '../status.ts'
import type { BlobInfo } from '../storage-abc.ts'
import { StorageABC } from '../storage-abc.ts'
import { reportEvent } from '../storage-events.ts'
import { fillingReader } from './filling-reader.ts'
import type { WithCacheTuning } from './with-cache-options.ts'
import { assertTuning } from './with-cache-options.ts'

/** What a {@link WithCacheStorage} is made of. */
export interface WithCacheStorageOptions extends WithCacheTuning {
  /** Asked first, and trusted with nothing: what it loses is fetched again. */
  readonly cache: StorageABC
  /** Holds everything. */
  readonly fallback: StorageABC
}

/**
 * Puts a fast storage in front of a slow one that holds everything.
 *
 * Use it to serve a remote or slow storage at the speed of a local one. Only the content of blobs is cached:
 * `hasBlob` and `missingBlobs` always ask the fallback, so a client that is told a blob is there can rely on it. Writes
 * go through to the fallback before they are acknowledged. The cache is advisory: when it fails, the operation goes on
 * without it, and an event says so. It costs one cache lookup per read, and a second copy of what is read.
 */
export class WithCacheStorage extends StorageABC {
  static override readonly TYPE = 'WithCache'

  readonly #cache: StorageABC
  readonly #fallback: StorageABC
  readonly #maxCachedBlobBytes: number
  readonly #spoolDirectory: string

  constructor({ cache, fallback, ...tuning }: WithCacheStorageOptions) {
    super()
    assertTuning(tuning)
    this.#cache = cache
    this.#fallback = fallback
    this.#maxCachedBlobBytes = tuning.maxCachedBlobBytes ?? 64 * 1024 * 1024
    this.#spoolDirectory = tuning.spoolDirectory ?? tmpdir()
  }

  protected override onStart(): Promise<void> {
    return startAll([this.#cache, this.#fallback])
  }

  protected override onStop(): Promise<void> {
    return stopAll([this.#cache, this.#fallback])
  }

  override async hasBlob(digest: Digest, options: OperationOptions = {}): Promise<boolean> {
    this.assertReady(digest, options.signal)
    return this.#fallback.hasBlob(digest, options)
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    this.assertReady(digest, options.signal)
    const range = resolveRange(digest, options)
    const cached = await this.#tryCache('getBlob', options, () => this.#cache.getBlob(digest, options), digest)
    if (cached) return cached
    const reader = await this.#fallback.getBlob(digest, options)
    if (reader === null || !coversBlob(range, digest) || digest.sizeBytes > this.#maxCachedBlobBytes) return reader
    return fillingReader(reader, digest, {
      spoolDirectory: this.#spoolDirectory,
      fill: (source) => this.#fillCache(digest, source),
      onGiveUp: (error) => this.#reportCacheFailure('getBlob', error, digest),
      release: this.hold(),
    })
  }

  override async deleteBlob(digest: Digest, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    await this.#fallback.deleteBlob(digest, options)
    await this.#tryCache('deleteBlob', options, () => this.#cache.deleteBlob(digest, options), digest)
  }

  override async bulkDelete(digests: readonly Digest[], options: OperationOptions = {}): Promise<string[]> {
    this.assertRunning(options.signal)
    const failed = await this.#fallback.bulkDelete(digests, options)
    await this.#tryCache('bulkDelete', options, () => this.#cache.bulkDelete(digests, options))
    return failed
  }

  override async commitWrite(digest: Digest, source: BlobSource, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    await this.#fallback.commitWrite(digest, source, options)
    if (digest.sizeBytes > this.#maxCachedBlobBytes) return
    await this.#tryCache('commitWrite', options, () => this.#cache.commitWrite(digest, source, options), digest)
  }

  override async missingBlobs(digests: readonly Digest[], options: OperationOptions = {}): Promise<Digest[]> {
    this.assertRunning(options.signal)
    return this.#fallback.missingBlobs(digests, options)
  }

  override async bulkUpdateBlobs(
    blobs: readonly (readonly [Digest, Uint8Array])[],
    options: OperationOptions = {},
  ): Promise<Status[]> {
    this.assertRunning(options.signal)
    const statuses = await this.#fallback.bulkUpdateBlobs(blobs, options)
    const stored = blobs.filter((_, index) => statuses[index]?.code === 'ok')
    if (stored.length > 0) {
      await this.#tryCache('bulkUpdateBlobs', options, () => this.#cache.bulkUpdateBlobs(stored, options))
    }
    return statuses
  }

  override async bulkReadBlobs(
    digests: readonly Digest[],
    options: OperationOptions = {},
  ): Promise<Map<string, Uint8Array>> {
    this.assertRunning(options.signal)
    const found =
      (await this.#tryCache('bulkReadBlobs', options, () => this.#cache.bulkReadBlobs(digests, options))) ?? new Map()
    const rest = digests.filter(({ hash }) => !found.has(hash))
    if (rest.length === 0) return found
    const fetched = await this.#fallback.bulkReadBlobs(rest, options)
    this.#backfill(rest, fetched)
    for (const [hash, bytes] of fetched) found.set(hash, bytes)
    return found
  }

  /** Asks the cache first: the digest is wanted for reading, and says nothing of what the fallback holds. */
  override async resolveHash(
    hash: string,
    digestFunction?: DigestFunction,
    options: OperationOptions = {},
  ): Promise<Digest | null> {
    this.assertRunning(options.signal)
    const cached = await this.#tryCache('resolveHash', options, () =>
      this.#cache.resolveHash(hash, digestFunction, options),
    )
    return cached ?? this.#fallback.resolveHash(hash, digestFunction, options)
  }

  override async *listBlobs(options: OperationOptions = {}): AsyncGenerator<BlobInfo, void, undefined> {
    this.assertRunning(options.signal)
    yield* this.#fallback.listBlobs(options)
  }

  /** Off the request path: the caller has its blobs, and does not wait for the cache to have them too. */
  #backfill(digests: readonly Digest[], fetched: ReadonlyMap<string, Uint8Array>): void {
    const blobs = digests.flatMap((digest) => {
      const bytes = fetched.get(digest.hash)
      return bytes === undefined ? [] : [[digest, bytes] as const]
    })
    if (blobs.length === 0) return
    const release = this.hold()
    void this.#tryCache('bulkUpdateBlobs', {}, () => this.#cache.bulkUpdateBlobs(blobs)).finally(release)
  }

  async #fillCache(digest: Digest, source: BlobSource): Promise<void> {
    await this.#tryCache('commitWrite', {}, () => this.#cache.commitWrite(digest, source), digest)
  }

  /** Asks the cache for something; when it fails, reports that and resolves to undefined, so that the fallback answers. */
  async #tryCache<Result>(
    operation: string,
    { signal }: OperationOptions,
    ask: () => Promise<Result>,
    digest?: Digest,
  ): Promise<Result | undefined> {
    try {
      return await ask()
    } catch (error) {
      signal?.throwIfAborted()
      this.#reportCacheFailure(operation, error, digest)
      return undefined
    }
  }

  #reportCacheFailure(operation: string, error: unknown, digest: Digest | undefined): void {
    reportEvent({ kind: 'cache-failure', storageType: WithCacheStorage.TYPE, operation, digest, error })
  }
}
