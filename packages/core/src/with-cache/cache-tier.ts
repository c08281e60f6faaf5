import type { BlobReader } from '../blob-reader.ts'
import { readerFromBytes, readerFromChunks } from '../blob-reader.ts'
import type { BlobSource } from '../blob-source.ts'
import type { ByteRange } from '../byte-range.ts'
import { coversBlob } from '../byte-range.ts'
import type { Digest, DigestFunction } from '../digest.ts'
import { digestOf } from '../hashing.ts'
import type { OperationOptions } from '../operation-options.ts'
import type { FoundBlob, StorageABC } from '../storage-abc.ts'
import { corruptError, verifiedReader } from '../verified-reader.ts'
import type { CacheAttempt } from './cache-attempt.ts'
import type { CacheGuard, QuestionOptions } from './cache-guard.ts'
import type { Fill } from './fill-registry.ts'
import { publishableSource } from './publishable-source.ts'

/** Blobs up to this many bytes are read whole and verified before the first byte leaves: as much as any reader holds at once. */
const VERIFIED_AHEAD_BYTES = 256 * 1024

/** The cache half of a WithCacheStorage: asked through a guard, and believed only as far as hashes go. */
export class CacheTier {
  readonly #cache: StorageABC
  readonly #guard: CacheGuard
  readonly #isTrusted: boolean

  constructor(cache: StorageABC, guard: CacheGuard, isTrusted: boolean) {
    this.#cache = cache
    this.#guard = guard
    this.#isTrusted = isTrusted
  }

  /** Asks the cache for something, see {@link CacheGuard.ask}. */
  ask<Result>(
    operation: string,
    call: (cache: StorageABC, attempt: CacheAttempt) => Promise<Result>,
    options: QuestionOptions<Result> = {},
  ): Promise<Result | undefined> {
    return this.#guard.ask(operation, (attempt) => call(this.#cache, attempt), options)
  }

  /** Opens what the cache has of a blob; null or undefined when the blob has to come from elsewhere. */
  async read(digest: Digest, range: ByteRange, options: OperationOptions): Promise<BlobReader | null | undefined> {
    const { signal } = options
    if (this.#isTrusted) return this.#open(digest, range, options)
    if (digest.sizeBytes <= VERIFIED_AHEAD_BYTES) {
      const bytes = await this.#readVerified(digest, signal)
      return bytes && readerFromBytes(bytes.subarray(range.offset, range.offset + range.length), { signal })
    }
    // A part of a large blob cannot be verified.
    return coversBlob(range, digest) ? this.#openVerified(digest, options) : null
  }

  /** Opens what a trusted cache has of the blob of a hash; null or undefined when it has none, or cannot be trusted. */
  async readByHash(
    hash: string,
    digestFunction: DigestFunction | undefined,
    { signal }: OperationOptions,
  ): Promise<FoundBlob | null | undefined> {
    if (!this.#isTrusted) return undefined
    const open = (): Promise<FoundBlob | null> => this.#cache.getBlobByHash(hash, digestFunction, { signal })
    const discard = (found: FoundBlob | null): void => disposeReader(found && found.reader)
    return this.#guard.ask('getBlobByHash', open, { signal, discard })
  }

  /** Reads many blobs; what the cache has not, or has wrongly, is not in the map. */
  async readMany(digests: readonly Digest[], options: OperationOptions): Promise<Map<string, Uint8Array>> {
    const found = await this.#guard.ask('bulkReadBlobs', () => this.#cache.bulkReadBlobs(digests, options), options)
    if (found === undefined) return new Map()
    if (this.#isTrusted) return found
    for (const digest of digests) {
      const bytes = found.get(digest.hash)
      if (bytes === undefined || isContentOf(digest, bytes)) continue
      found.delete(digest.hash)
      await this.#drop(digest, 'bulkReadBlobs')
    }
    return found
  }

  /** Stores a small blob in the cache, once it is where it counts. Tells whether the cache has it; never rejects. */
  async writeAfter(digest: Digest, source: BlobSource, fill: Fill): Promise<boolean> {
    const store = async (attempt: CacheAttempt): Promise<boolean> => {
      await this.#cache.commitWrite(digest, source, { signal: attempt.signal })
      // Deleted while it was being stored: whoever deleted it waits for this, and deletes it from the cache then.
      return !fill.isCancelled
    }
    const isStored = fill.beginWriting() && (await this.#guard.ask('commitWrite', store, { digest }))
    fill.end()
    return isStored === true
  }

  /**
   * Stores a blob in the cache, of which nothing is visible before `published` resolves; gives up when that rejects.
   * Tells whether the cache has it; never rejects.
   */
  async write(digest: Digest, source: BlobSource, fill: Fill, published: Promise<unknown>): Promise<boolean> {
    let storing: Promise<void> | undefined
    const store = async (attempt: CacheAttempt): Promise<boolean> => {
      const publishable = publishableSource(source, { attempt, fill, published })
      storing = this.#cache.commitWrite(digest, publishable, { signal: attempt.signal })
      await storing
      return true
    }
    // Given up and stored all the same: what was deleted meanwhile must not come back.
    const discard = (): void => {
      if (fill.isCancelled) void this.#cache.deleteBlob(digest).catch(() => undefined)
    }
    try {
      if (!fill.beginWriting()) return false
      const stored = await this.#guard.ask('commitWrite', store, { signal: fill.signal, digest, discard })
      return stored === true
    } catch {
      // The fill was cancelled. Whoever cancelled it waits until the cache has heard of that.
      await this.#guard.settled(storing)
      return false
    } finally {
      fill.end()
    }
  }

  #open(
    digest: Digest,
    { offset, length }: ByteRange,
    { signal }: OperationOptions,
  ): Promise<BlobReader | null | undefined> {
    const open = (): Promise<BlobReader | null> => this.#cache.getBlob(digest, { offset, length, signal })
    return this.#guard.ask('getBlob', open, { signal, digest, discard: disposeReader })
  }

  async #readVerified(digest: Digest, signal: AbortSignal | undefined): Promise<Uint8Array | null | undefined> {
    const readWhole = async (): Promise<Uint8Array | null> => {
      const reader = await this.#cache.getBlob(digest, { signal })
      return reader === null ? null : reader.bytes()
    }
    const bytes = await this.#guard.ask('getBlob', readWhole, { signal, digest })
    if (bytes === undefined || bytes === null || isContentOf(digest, bytes)) return bytes
    await this.#drop(digest, 'getBlob')
    return null
  }

  /** Opens a large blob and waits for its first chunk, so that a cache which fails at once can still be passed over. */
  async #openVerified(digest: Digest, { signal }: OperationOptions): Promise<BlobReader | null | undefined> {
    const reader = await this.#open(digest, { offset: 0, length: digest.sizeBytes }, { signal })
    if (reader === undefined || reader === null) return reader
    const iterator = reader[Symbol.asyncIterator]()
    const next = (): Promise<IteratorResult<Uint8Array>> =>
      this.#guard.insist('getBlob', () => iterator.next(), { signal, digest })
    const first = await next().catch((error: unknown) => ({ error }))
    if ('error' in first || reader.sizeBytes !== digest.sizeBytes) {
      disposeReader(reader)
      signal?.throwIfAborted()
      if (!('error' in first)) await this.#drop(digest, 'getBlob')
      return undefined
    }
    const release = (): PromiseLike<void> => reader[Symbol.asyncDispose]()
    const watched = readerFromChunks(digest.sizeBytes, remaining(first, next), { release })
    const verified = verifiedReader(watched, digest, () => this.#drop(digest, 'getBlob'))
    return readerFromChunks(digest.sizeBytes, verified, { signal, release: () => verified[Symbol.asyncDispose]() })
  }

  async #drop(digest: Digest, operation: string): Promise<void> {
    this.#guard.report('corrupt', operation, corruptError(digest, "the cache's copy has other content"), digest)
    await this.#guard.ask('deleteBlob', () => this.#cache.deleteBlob(digest), { digest })
  }
}

async function* remaining(
  first: IteratorResult<Uint8Array>,
  next: () => Promise<IteratorResult<Uint8Array>>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let result = first; result.done !== true; result = await next()) yield result.value
}

function isContentOf(digest: Digest, bytes: Uint8Array): boolean {
  return bytes.byteLength === digest.sizeBytes && digestOf(bytes, digest.digestFunction).hash === digest.hash
}

function disposeReader(reader: BlobReader | null): void {
  void reader?.[Symbol.asyncDispose]().then(undefined, () => undefined)
}
