import type { BlobReader } from './blob-reader.ts'
import type { BlobSource } from './blob-source.ts'
import { sourceFromBytes } from './blob-source.ts'
import type { Digest, DigestFunction } from './digest.ts'
import { assertDigest, formatDigest } from './digest.ts'
import { digestOf } from './hashing.ts'
import { Lifecycle } from './lifecycle.ts'
import { mapLimit } from './map-limit.ts'
import type { OperationOptions, ReadOptions, WholeReadOptions } from './operation-options.ts'
import type { BlobCondition, CheckOptions } from './scrub/check-content.ts'
import { checkContent } from './scrub/check-content.ts'
import type { Status } from './status.ts'
import { okStatus, statusOfItemError } from './status.ts'
import { StorageError } from './storage-error.ts'
import { reportEvent } from './storage-events.ts'

/** A stored blob, as {@link StorageABC.listBlobs} reports it. */
export interface BlobInfo {
  readonly digest: Digest
  /** When it was last read, written or found, in milliseconds since 1970; absent where the storage does not know. */
  readonly lastAccessMs?: number | undefined
}

/** A blob that was opened by its hash alone. Its reader must be read or disposed. */
export interface FoundBlob {
  readonly digest: Digest
  readonly reader: BlobReader
}

/**
 * The contract of a content-addressable store.
 *
 * Absence is an answer (`null`, `false`, a delete that succeeds) and never an error; a failure is an error and never
 * reads as absence. A blob whose digest has the right hash and the wrong size is absent. Every method rejects with a
 * {@link StorageError}, or with the reason of the signal it was given. The bulk methods have correct defaults, which a
 * storage overrides where it can do better.
 */
export abstract class StorageABC extends Lifecycle {
  /** Names the kind of storage in metrics and logs, such as `Memory` or `WithCache`. */
  static readonly TYPE: string

  /** How many single operations a default bulk method has in flight. */
  protected readonly bulkConcurrency: number = 16

  /** No larger blob can ever be stored here, in bytes; undefined where the storage knows of no such limit. */
  get maxBlobBytes(): number | undefined {
    return undefined
  }

  /** Tells whether the blob is stored. Counts as use. */
  abstract hasBlob(digest: Digest, options?: OperationOptions): Promise<boolean>

  /**
   * Opens a blob, or the part of it that `offset` and `length` name. Resolves to null when it is not stored. Counts as
   * use. The reader reads to its end even if the blob is deleted or evicted meanwhile.
   *
   * @throws StorageError `invalid-argument` for an offset beyond the end, or a negative or fractional offset or length.
   */
  abstract getBlob(digest: Digest, options?: ReadOptions): Promise<BlobReader | null>

  /** Removes a blob; succeeds when it is not stored. */
  abstract deleteBlob(digest: Digest, options?: OperationOptions): Promise<void>

  /**
   * Stores content. Once it resolves the blob is kept; until then nothing of it is visible, and after it rejects nothing
   * of it is left. Storing what is already stored succeeds.
   *
   * The storage checks the length and nothing else: the caller must have verified that the content matches the digest.
   *
   * @throws StorageError `too-large` or `no-space` when it cannot be kept, `invalid-argument` when the source is shorter
   * or longer than the digest says, `unsupported` when the digest function cannot be computed here, such as BLAKE3.
   */
  abstract commitWrite(digest: Digest, source: BlobSource, options?: OperationOptions): Promise<void>

  /** Completes a hash to the digest of the stored blob; resolves to null when there is none. For clients that name blobs by hash alone. */
  abstract resolveHash(
    hash: string,
    digestFunction?: DigestFunction,
    options?: OperationOptions,
  ): Promise<Digest | null>

  /**
   * Opens all of the blob of a hash, as `resolveHash` and then `getBlob` would; resolves to null when there is none. The default
   * calls both.
   */
  async getBlobByHash(
    hash: string,
    digestFunction?: DigestFunction,
    options: WholeReadOptions = {},
  ): Promise<FoundBlob | null> {
    const digest = await this.resolveHash(hash, digestFunction, options)
    const reader = digest && (await this.getBlob(digest, options))
    return digest && reader && { digest, reader }
  }

  /** Lists the stored blobs in no particular order; those that come or go meanwhile may or may not be among them. */
  abstract listBlobs(options?: OperationOptions): AsyncIterable<BlobInfo>

  /**
   * Reads what is stored of a blob and drops it if it is damaged. Does not count as use, where the storage can tell.
   *
   * The default reads the blob as `getBlob` does, and so counts as use.
   */
  async checkBlob(digest: Digest, options: CheckOptions = {}): Promise<BlobCondition> {
    this.assertReady(digest, options.signal)
    const { TYPE: storageType } = this.constructor as typeof StorageABC
    const { signal, pace } = options
    return checkContent(digest, {
      pace,
      open: () => this.getBlob(digest, { signal }),
      onDamaged: async (error) => {
        reportEvent({ kind: 'corrupt', storageType, operation: 'checkBlob', digest, error })
        await this.deleteBlob(digest, { signal })
      },
    })
  }

  /** Removes many blobs. Resolves to `hash/size` of those that could not be removed. */
  async bulkDelete(digests: readonly Digest[], options: OperationOptions = {}): Promise<string[]> {
    this.assertRunning(options.signal)
    const statuses = await mapLimit(digests, this.bulkConcurrency, (digest) =>
      settle(options, () => this.deleteBlob(digest, options)),
    )
    return digests.filter((_, index) => statuses[index]?.code !== 'ok').map(formatDigest)
  }

  /** Resolves to those of the digests that are not stored, in the order asked. Counts as use of the others. */
  async missingBlobs(digests: readonly Digest[], options: OperationOptions = {}): Promise<Digest[]> {
    this.assertRunning(options.signal)
    const found = await mapLimit(digests, this.bulkConcurrency, (digest) => this.hasBlob(digest, options))
    return digests.filter((_, index) => found[index] !== true)
  }

  /**
   * Stores many blobs, verifying that each matches its digest. Resolves to one status for each, in the same order; one
   * bad item never fails the others.
   */
  async bulkUpdateBlobs(
    blobs: readonly (readonly [Digest, Uint8Array])[],
    options: OperationOptions = {},
  ): Promise<Status[]> {
    this.assertRunning(options.signal)
    return mapLimit(blobs, this.bulkConcurrency, ([digest, bytes]) =>
      settle(options, async () => {
        verifyBytes(digest, bytes)
        await this.commitWrite(digest, sourceFromBytes(bytes), options)
      }),
    )
  }

  /**
   * Reads many blobs whole, keyed by hash; those that are not stored are not in the map. Rejects when any is unknown; then some may
   * still be read into `buffers`.
   */
  async bulkReadBlobs(digests: readonly Digest[], options: WholeReadOptions = {}): Promise<Map<string, Uint8Array>> {
    this.assertRunning(options.signal)
    const found = new Map<string, Uint8Array>()
    await mapLimit(digests, this.bulkConcurrency, async (digest) => {
      if (found.has(digest.hash)) return
      const bytes = await this.#readWhole(digest, options)
      if (bytes !== null) found.set(digest.hash, bytes)
    })
    return found
  }

  /** A damaged blob reads as absent here: it was dropped, and one of many must not cost the caller the others. */
  async #readWhole(digest: Digest, options: WholeReadOptions): Promise<Uint8Array | null> {
    try {
      const reader = await this.getBlob(digest, options)
      return reader === null ? null : await reader.bytes()
    } catch (error) {
      if (StorageError.is(error, 'corrupt')) return null
      throw error
    }
  }

  /**
   * Begins an operation on a blob; every method of a provider calls it first.
   *
   * @throws StorageError `not-running`, `invalid-argument` for a malformed digest; the signal's reason when aborted.
   */
  protected assertReady(digest: Digest, signal: AbortSignal | undefined): void {
    this.assertRunning(signal)
    assertDigest(digest)
  }
}

/**
 * Checks that bytes are what a digest says, as `bulkUpdateBlobs` must.
 *
 * @throws StorageError `invalid-argument` when they are not.
 */
export function verifyBytes(digest: Digest, bytes: Uint8Array): void {
  assertDigest(digest)
  const actual = digestOf(bytes, digest.digestFunction)
  if (actual.hash === digest.hash && actual.sizeBytes === digest.sizeBytes) return
  const message = `content has digest ${formatDigest(actual)}, expected ${formatDigest(digest)}`
  throw new StorageError('invalid-argument', message, { digest })
}

async function settle({ signal }: OperationOptions, operation: () => Promise<void>): Promise<Status> {
  try {
    await operation()
    return okStatus
  } catch (error) {
    return statusOfItemError(error, signal)
  }
}
