import type { BlobReader } from '../blob-reader.ts'
import type { BlobSource } from '../blob-source.ts'
import { coversBlob, resolveRange } from '../byte-range.ts'
import type { DeferredWrites, DeferredWritesStatus } from '../deferred/deferred-writes.ts'
import type { Digest, DigestFunction } from '../digest.ts'
import { startAll, stopAll } from '../lifecycle.ts'
import type { OperationOptions, ReadOptions, WholeReadOptions } from '../operation-options.ts'
import type { BlobCondition, CheckOptions } from '../scrub/check-content.ts'
import type { Status } from '../status.ts'
import type { BlobInfo, FoundBlob } from '../storage-abc.ts'
import { StorageABC } from '../storage-abc.ts'
import { BulkFiller } from './bulk-filler.ts'
import { CacheGuard } from './cache-guard.ts'
import { CacheTier } from './cache-tier.ts'
import { Deletion } from './deletion.ts'
import { FallbackTier } from './fallback-tier.ts'
import { FetchRegistry } from './fetch-registry.ts'
import type { Fill } from './fill-registry.ts'
import { FillRegistry } from './fill-registry.ts'
import { TouchBatcher } from './touch-batcher.ts'
import { heal } from './heal.ts'
import type { ResolvedTuning, WithCacheTuning } from './with-cache-options.ts'
import { deferredWritesOf, resolveTuning } from './with-cache-options.ts'

/** How long the fallback may take to hear of blobs in use, in milliseconds. */
const TOUCH_TIMEOUT_MS = 10_000

/** Blobs up to this many bytes are written to the cache after the fallback, the others at the same time. */
const SMALL_BYTES = 64 * 1024

/** What a {@link WithCacheStorage} is made of. */
export interface WithCacheStorageOptions extends WithCacheTuning {
  /** Asked first, and trusted with nothing: what it loses is fetched again. */
  readonly cache: StorageABC
  /** Holds everything. */
  readonly fallback: StorageABC
  /** Deferred writes shared with an action cache, so that entries follow their blobs. Default: its own, if it defers. */
  readonly deferredWrites?: DeferredWrites | undefined
}

/**
 * Puts a fast storage in front of a slow one that holds everything.
 *
 * Use it to serve a remote or slow storage at the speed of a local one. Only the content of blobs is cached:
 * `hasBlob` and `missingBlobs` always ask the fallback, so a client that is told a blob is there can rely on it. A blob
 * that many ask for at once is read from the fallback once. The cache is advisory: when it fails, lies or hangs, the
 * fallback answers, and an event says so. It costs one cache lookup and one hashing per read, and a second copy of what is
 * read. With `deferFallbackWrites`, a write costs a sync of the local disk instead of a trip to the fallback.
 */
export class WithCacheStorage extends StorageABC {
  static override readonly TYPE = 'WithCache'

  readonly #children: readonly [cache: StorageABC, fallback: StorageABC]
  readonly #tuning: ResolvedTuning
  readonly #deferred: DeferredWrites | undefined
  readonly #cache: CacheTier
  readonly #fallback: FallbackTier
  readonly #fetches: FetchRegistry
  readonly #fills = new FillRegistry()
  readonly #filler: BulkFiller
  readonly #deletion: Deletion
  readonly #touches: TouchBatcher

  constructor({ cache, fallback, deferredWrites, ...rest }: WithCacheStorageOptions) {
    super()
    const tuning = resolveTuning(rest)
    const { cacheTimeoutMs, cacheRetryMs, trustCache, leaseMs, maxCachedBlobBytes } = tuning
    const guard = new CacheGuard(WithCacheStorage.TYPE, { timeoutMs: cacheTimeoutMs, retryAfterMs: cacheRetryMs })
    const hold = (): (() => void) => this.hold()
    this.#tuning = tuning
    this.#children = [cache, fallback]
    this.#deferred = deferredWrites ?? deferredWritesOf(tuning)
    this.#cache = new CacheTier(cache, guard, trustCache)
    this.#fallback = new FallbackTier(fallback, this.#deferred)
    this.#fetches = new FetchRegistry({ ...tuning, fallback, guard, tier: this.#cache, fills: this.#fills, hold })
    this.#filler = new BulkFiller({ tier: this.#cache, fills: this.#fills, maxBlobBytes: maxCachedBlobBytes, hold })
    this.#deletion = new Deletion({ tier: this.#cache, fills: this.#fills, fetches: this.#fetches, hold })
    this.#touches = new TouchBatcher({
      periodMs: leaseMs / 4,
      touch: (digests) => fallback.missingBlobs(digests, { signal: AbortSignal.timeout(TOUCH_TIMEOUT_MS) }),
      onFailure: (error) => guard.report('touch-failure', 'missingBlobs', error),
    })
  }

  override get maxBlobBytes(): number | undefined {
    return this.#children[1].maxBlobBytes
  }

  /** What waits to reach the fallback; undefined without `deferFallbackWrites`, or while it does not run. */
  get deferredStatus(): DeferredWritesStatus | undefined {
    return this.#deferred?.status
  }

  /** Waits until every deferred write accepted so far has reached the fallback, however long that takes. */
  async flush(options: OperationOptions = {}): Promise<void> {
    this.assertRunning(options.signal)
    await this.#deferred?.flush(options)
  }

  protected override async onStart(): Promise<void> {
    const [, fallback] = this.#children
    await startAll([...this.#children, ...(this.#deferred ? [this.#deferred] : [])])
    this.#deferred?.attachStorage(fallback)
  }

  protected override async onStop(): Promise<void> {
    await this.#touches.flush()
    await this.#deferred?.detachStorage()
    await stopAll([...this.#children, ...(this.#deferred ? [this.#deferred] : [])])
  }

  override async hasBlob(digest: Digest, options: OperationOptions = {}): Promise<boolean> {
    this.assertReady(digest, options.signal)
    return this.#fallback.has(digest, options)
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    this.assertReady(digest, options.signal)
    const range = resolveRange(digest, options)
    // While it is being deleted, only the fallback knows whether it is still there.
    const isBarred = this.#fills.isBarred(digest)
    const isShared = !isBarred && coversBlob(range, digest) && digest.sizeBytes <= this.#tuning.maxCachedBlobBytes
    const joined = isShared ? this.#fetches.join(digest, options) : undefined
    if (joined !== undefined) return joined
    const cached = isBarred ? null : await this.#cache.read(digest, range, options)
    if (cached) {
      this.#touches.used(digest)
      return cached
    }
    const pending = await this.#fallback.openPending(digest, range, options)
    if (pending !== null) return pending
    return isShared ? this.#fetches.read(digest, options) : this.#children[1].getBlob(digest, options)
  }

  /** Checks what the fallback has; what is damaged there is stored anew if the cache has it whole. */
  override async checkBlob(digest: Digest, options: CheckOptions = {}): Promise<BlobCondition> {
    this.assertReady(digest, options.signal)
    const [, fallback] = this.#children
    const condition = await this.#fallback.check(digest, options)
    if (condition !== 'damaged') return condition
    const { signal } = options
    const isHealed = await heal(digest, { tier: this.#cache, fallback, fills: this.#fills, signal })
    return isHealed ? 'healed' : 'damaged'
  }

  override async deleteBlob(digest: Digest, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    await this.#deletion.run([digest], () => this.#fallback.delete(digest, options), options)
  }

  override async bulkDelete(digests: readonly Digest[], options: OperationOptions = {}): Promise<string[]> {
    this.assertRunning(options.signal)
    return this.#deletion.run(digests, () => this.#fallback.deleteMany(digests, options), options)
  }

  override async commitWrite(digest: Digest, source: BlobSource, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    const stored = this.#fallback.write(digest, source, options).then(() => this.#fetches.renew([digest]))
    if (digest.sizeBytes > this.#tuning.maxCachedBlobBytes) return stored
    const fill = this.#fills.begin(digest)
    const isCached = await this.#writeToCache(digest, source, fill, stored)
    if (isCached) this.#fills.markFresh(digest)
  }

  override async missingBlobs(digests: readonly Digest[], options: OperationOptions = {}): Promise<Digest[]> {
    this.assertRunning(options.signal)
    return this.#fallback.missing(digests, options)
  }

  override async bulkUpdateBlobs(
    blobs: readonly (readonly [Digest, Uint8Array])[],
    options: OperationOptions = {},
  ): Promise<Status[]> {
    this.assertRunning(options.signal)
    const store = async (): Promise<readonly Status[]> => {
      const statuses = await this.#fallback.writeMany(blobs, options)
      this.#fetches.renew(blobs.map(([digest]) => digest))
      return statuses
    }
    return this.#filler.along(blobs, store, options)
  }

  /** Lends no buffers: what the cache has not goes into it, and stays. */
  override async bulkReadBlobs(
    digests: readonly Digest[],
    { signal }: OperationOptions = {},
  ): Promise<Map<string, Uint8Array>> {
    this.assertRunning(signal)
    const options = { signal }
    const found = await this.#cache.readMany(
      digests.filter((digest) => !this.#fills.isBarred(digest)),
      options,
    )
    for (const digest of digests) if (found.has(digest.hash)) this.#touches.used(digest)
    const unpending = await this.#readPending(digests, found, options)
    if (unpending.length === 0) return found
    const fetched = await this.#filler.behind(unpending, () => this.#children[1].bulkReadBlobs(unpending, options))
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
    const ask = (cache: StorageABC): Promise<Digest | null> => cache.resolveHash(hash, digestFunction, options)
    const isBarred = this.#fills.isBarred({ hash, sizeBytes: 0, digestFunction })
    const cached = isBarred ? null : await this.#cache.ask('resolveHash', ask, options)
    return cached ?? this.#fallback.resolveHash(hash, digestFunction, options)
  }

  /** Opens what the cache has with one question, where the cache is believed. */
  override async getBlobByHash(
    hash: string,
    digestFunction?: DigestFunction,
    options: WholeReadOptions = {},
  ): Promise<FoundBlob | null> {
    const { signal } = options
    this.assertRunning(signal)
    const isBarred = this.#fills.isBarred({ hash, sizeBytes: 0, digestFunction })
    const cached = isBarred ? null : await this.#cache.readByHash(hash, digestFunction, { signal })
    if (!cached) return super.getBlobByHash(hash, digestFunction, options)
    this.#touches.used(cached.digest)
    return cached
  }

  override async *listBlobs(options: OperationOptions = {}): AsyncGenerator<BlobInfo, void, undefined> {
    this.assertRunning(options.signal)
    yield* this.#fallback.list(options)
  }

  /** Has a blob be in the cache as soon as it is where it counts; rejects when it does not get there. */
  async #writeToCache(digest: Digest, source: BlobSource, fill: Fill, stored: Promise<void>): Promise<boolean> {
    // One that is in memory at once is written in no time, and need not be on its way before.
    const isSmall = digest.sizeBytes <= SMALL_BYTES
    const filling = isSmall ? undefined : this.#cache.write(digest, source, fill, stored).finally(this.hold())
    try {
      await stored
    } catch (error) {
      fill.cancel()
      if (isSmall) fill.end()
      throw error
    }
    if (filling === undefined) return this.#cache.writeAfter(digest, source, fill)
    // A cache that goes on, but slowly, is not waited for either; one that hangs is noticed before.
    const patience = setTimeout(() => fill.cancel(), 2 * this.#tuning.cacheTimeoutMs)
    const isCached = await filling
    clearTimeout(patience)
    return isCached
  }

  /** Adds what is on its way to the fallback to what was found; resolves to what is left to be asked of the fallback. */
  async #readPending(
    digests: readonly Digest[],
    found: Map<string, Uint8Array>,
    options: OperationOptions,
  ): Promise<Digest[]> {
    const rest: Digest[] = []
    for (const digest of digests) {
      if (found.has(digest.hash)) continue
      const range = { offset: 0, length: digest.sizeBytes }
      const reader = await this.#fallback.openPending(digest, range, options)
      if (reader === null) rest.push(digest)
      else found.set(digest.hash, await reader.bytes())
    }
    return rest
  }
}
