import type { BlobReader } from '../blob-reader.ts'
import type { BlobSource } from '../blob-source.ts'
import { sourceFromBytes } from '../blob-source.ts'
import type { ByteRange } from '../byte-range.ts'
import type { DeferredWrites } from '../deferred/deferred-writes.ts'
import { isBlob } from '../deferred/pending-item.ts'
import type { Digest, DigestFunction } from '../digest.ts'
import { digestKey, exactDigestKey, formatDigest } from '../digest.ts'
import { mapLimit } from '../map-limit.ts'
import type { OperationOptions } from '../operation-options.ts'
import type { BlobCondition, CheckOptions } from '../scrub/check-content.ts'
import { checkContent } from '../scrub/check-content.ts'
import type { Status } from '../status.ts'
import { okStatus, statusOfItemError } from '../status.ts'
import type { BlobInfo, StorageABC } from '../storage-abc.ts'
import { verifyBytes } from '../storage-abc.ts'
import { refusal } from './refusal.ts'

/** How many blobs of one bulk call are being journalled at once. */
const JOURNAL_CONCURRENCY = 256

/** The half of a WithCacheStorage that counts: the fallback, and what is durably on its way there. */
export class FallbackTier {
  readonly #fallback: StorageABC
  readonly #deferred: DeferredWrites | undefined

  constructor(fallback: StorageABC, deferred: DeferredWrites | undefined) {
    this.#fallback = fallback
    this.#deferred = deferred
  }

  // What is pending is looked up first: asked afterwards, it may have arrived just after the fallback was asked.

  async has(digest: Digest, options: OperationOptions): Promise<boolean> {
    const isPending = this.#deferred?.hasBlob(digest) === true
    return (await this.#fallback.hasBlob(digest, options)) || isPending
  }

  async missing(digests: readonly Digest[], options: OperationOptions): Promise<Digest[]> {
    const deferred = this.#deferred
    if (deferred === undefined) return this.#fallback.missingBlobs(digests, options)
    const pending = new Set(digests.filter((digest) => deferred.hasBlob(digest)).map(exactDigestKey))
    const missing = await this.#fallback.missingBlobs(digests, options)
    return pending.size === 0 ? missing : missing.filter((digest) => !pending.has(exactDigestKey(digest)))
  }

  /** Checks what is on its way to the fallback, or else what the fallback has. */
  async check(digest: Digest, { signal, pace }: CheckOptions): Promise<BlobCondition> {
    const range = { offset: 0, length: digest.sizeBytes }
    const pending = await checkContent(digest, { pace, open: () => this.openPending(digest, range, { signal }) })
    return pending === 'absent' ? this.#fallback.checkBlob(digest, { signal, pace }) : pending
  }

  /** Opens a blob that is on its way to the fallback; resolves to null when it is not. */
  async openPending(digest: Digest, range: ByteRange, options: OperationOptions): Promise<BlobReader | null> {
    return this.#deferred?.openBlob(digest, range, options) ?? null
  }

  async write(digest: Digest, source: BlobSource, options: OperationOptions): Promise<void> {
    if (this.#mayDefer(digest) && (await this.#deferred?.addBlob(digest, source, options))) return
    try {
      await this.#fallback.commitWrite(digest, source, options)
    } catch (error) {
      throw refusal(this.#deferred, error, options)
    }
  }

  /** Stores many blobs, each verified. One call to the fallback for those that cannot be deferred. */
  async writeMany(
    blobs: readonly (readonly [Digest, Uint8Array])[],
    options: OperationOptions,
  ): Promise<readonly Status[]> {
    const deferred = this.#deferred
    if (deferred === undefined) return this.#fallback.bulkUpdateBlobs(blobs, options)
    const statuses = await mapLimit(blobs, JOURNAL_CONCURRENCY, ([digest, bytes]) =>
      this.#mayDefer(digest) ? defer(deferred, digest, bytes, options) : Promise.resolve(undefined),
    )
    const rest = blobs.filter((_, index) => statuses[index] === undefined)
    const stored = await this.#writeRest(deferred, rest, options)
    let next = 0
    return statuses.map((status) => status ?? stored[next++] ?? okStatus)
  }

  /** What the fallback can never take must not be acknowledged before it has said so. */
  #mayDefer({ sizeBytes }: Digest): boolean {
    return sizeBytes <= (this.#fallback.maxBlobBytes ?? Number.MAX_SAFE_INTEGER)
  }

  /** Stores at once what cannot be deferred. What is deferred counts, even if all of the rest fails. */
  async #writeRest(
    deferred: DeferredWrites,
    rest: readonly (readonly [Digest, Uint8Array])[],
    options: OperationOptions,
  ): Promise<readonly Status[]> {
    if (rest.length === 0) return []
    try {
      return await this.#fallback.bulkUpdateBlobs(rest, options)
    } catch (error) {
      const status = statusOfItemError(refusal(deferred, error, options), options.signal)
      return rest.map(() => status)
    }
  }

  async delete(digest: Digest, options: OperationOptions): Promise<void> {
    const hold = await this.#deferred?.holdBlobs([digest])
    try {
      await this.#fallback.deleteBlob(digest, options)
      await hold?.cancel()
    } finally {
      hold?.release()
    }
  }

  async deleteMany(digests: readonly Digest[], options: OperationOptions): Promise<string[]> {
    const hold = await this.#deferred?.holdBlobs(digests)
    try {
      const failed = await this.#fallback.bulkDelete(digests, options)
      const kept = new Set(failed)
      await hold?.cancel((item) => isBlob(item) && !kept.has(formatDigest(item.header.digest)))
      return failed
    } finally {
      hold?.release()
    }
  }

  async resolveHash(
    hash: string,
    digestFunction: DigestFunction | undefined,
    options: OperationOptions,
  ): Promise<Digest | null> {
    const pending = this.#deferred?.resolveHash({ hash, digestFunction })
    return pending ?? this.#fallback.resolveHash(hash, digestFunction, options)
  }

  async *list(options: OperationOptions): AsyncGenerator<BlobInfo, void, undefined> {
    const pending = new Set<string>()
    for (const digest of this.#deferred?.blobs() ?? []) {
      pending.add(digestKey(digest))
      yield { digest }
    }
    for await (const info of this.#fallback.listBlobs(options)) {
      if (!pending.has(digestKey(info.digest))) yield info
    }
  }
}

/** Defers a write of bytes; resolves to undefined when that cannot be. */
async function defer(
  deferred: DeferredWrites,
  digest: Digest,
  bytes: Uint8Array,
  options: OperationOptions,
): Promise<Status | undefined> {
  try {
    verifyBytes(digest, bytes)
    return (await deferred.addBlob(digest, sourceFromBytes(bytes), options)) ? okStatus : undefined
  } catch (error) {
    return statusOfItemError(error, options.signal)
  }
}
