import type { BlobReader } from '../blob-reader.ts'
import type { BlobSource } from '../blob-source.ts'
import type { Digest, DigestFunction } from '../digest.ts'
import { startAll, stopAll } from '../lifecycle.ts'
import type { OperationOptions, ReadOptions, WholeReadOptions } from '../operation-options.ts'
import { splitBulkDelete, splitBulkReadBlobs, splitBulkUpdateBlobs, splitMissingBlobs } from '../partition.ts'
import type { BlobCondition, CheckOptions } from '../scrub/check-content.ts'
import type { Status } from '../status.ts'
import type { BlobInfo } from '../storage-abc.ts'
import { StorageABC } from '../storage-abc.ts'
import { StorageError } from '../storage-error.ts'

/** Where the line between small and large is drawn. */
export interface SizePartitionedTuning {
  /** The largest blob that is small, in bytes. Default: 1 MiB. */
  readonly maxSmallBytes?: number | undefined
}

/** What a {@link SizePartitionedStorage} is made of. */
export interface SizePartitionedStorageOptions extends SizePartitionedTuning {
  /** Keeps the blobs of up to `maxSmallBytes`. */
  readonly small: StorageABC
  /** Keeps all others. */
  readonly large: StorageABC
}

/** The largest blob that is small when nobody says otherwise, in bytes. */
export const DEFAULT_MAX_SMALL_BYTES: number = 1024 * 1024

/**
 * Keeps small blobs in one storage and large ones in another.
 *
 * Use it where one kind of storage is good at many small blobs and another, cheaper one at few large ones, or to keep
 * large blobs from driving out small ones. The size in the digest decides, so it costs a comparison per blob, and two
 * bulk calls where there was one.
 *
 * When the limit is changed, blobs between the old and the new one are looked for on the other side: they are absent,
 * stored again when they are next written, and what is left of them stays until its storage evicts it.
 */
export class SizePartitionedStorage extends StorageABC {
  static override readonly TYPE = 'SizePartitioned'

  readonly #small: StorageABC
  readonly #large: StorageABC
  readonly #maxSmallBytes: number

  /** @throws StorageError `invalid-argument` when `maxSmallBytes` is negative or not a number. */
  constructor({ small, large, maxSmallBytes = DEFAULT_MAX_SMALL_BYTES }: SizePartitionedStorageOptions) {
    super()
    if (!(maxSmallBytes >= 0)) {
      throw new StorageError('invalid-argument', 'SizePartitioned: maxSmallBytes must be a number of bytes')
    }
    this.#small = small
    this.#large = large
    this.#maxSmallBytes = maxSmallBytes
  }

  override get maxBlobBytes(): number | undefined {
    const { maxBlobBytes } = this.#large
    if (maxBlobBytes === undefined || maxBlobBytes > this.#maxSmallBytes) return maxBlobBytes
    // What the large one takes would all go to the small one.
    return Math.min(this.#small.maxBlobBytes ?? this.#maxSmallBytes, this.#maxSmallBytes)
  }

  protected override onStart(): Promise<void> {
    return startAll([this.#small, this.#large])
  }

  protected override onStop(): Promise<void> {
    return stopAll([this.#small, this.#large])
  }

  override async hasBlob(digest: Digest, options: OperationOptions = {}): Promise<boolean> {
    this.assertReady(digest, options.signal)
    return this.#ownerOf(digest).hasBlob(digest, options)
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    this.assertReady(digest, options.signal)
    return this.#ownerOf(digest).getBlob(digest, options)
  }

  override async checkBlob(digest: Digest, options: CheckOptions = {}): Promise<BlobCondition> {
    this.assertReady(digest, options.signal)
    return this.#ownerOf(digest).checkBlob(digest, options)
  }

  override async deleteBlob(digest: Digest, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    await this.#ownerOf(digest).deleteBlob(digest, options)
  }

  override async bulkDelete(digests: readonly Digest[], options: OperationOptions = {}): Promise<string[]> {
    this.assertRunning(options.signal)
    return splitBulkDelete(digests, (digest) => [this.#ownerOf(digest)], options)
  }

  override async commitWrite(digest: Digest, source: BlobSource, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    await this.#ownerOf(digest).commitWrite(digest, source, options)
  }

  override async missingBlobs(digests: readonly Digest[], options: OperationOptions = {}): Promise<Digest[]> {
    this.assertRunning(options.signal)
    return splitMissingBlobs(digests, (digest) => [this.#ownerOf(digest)], options)
  }

  override async bulkUpdateBlobs(
    blobs: readonly (readonly [Digest, Uint8Array])[],
    options: OperationOptions = {},
  ): Promise<Status[]> {
    this.assertRunning(options.signal)
    return splitBulkUpdateBlobs(blobs, (digest) => [this.#ownerOf(digest)], options)
  }

  override async bulkReadBlobs(
    digests: readonly Digest[],
    options: WholeReadOptions = {},
  ): Promise<Map<string, Uint8Array>> {
    this.assertRunning(options.signal)
    return splitBulkReadBlobs(digests, (digest) => [this.#ownerOf(digest)], options)
  }

  /** A hash alone does not say how large its blob is: both are asked, and what is left on the wrong side is passed over. */
  override async resolveHash(
    hash: string,
    digestFunction?: DigestFunction,
    options: OperationOptions = {},
  ): Promise<Digest | null> {
    this.assertRunning(options.signal)
    for (const storage of [this.#small, this.#large]) {
      const digest = await storage.resolveHash(hash, digestFunction, options)
      if (digest !== null && this.#ownerOf(digest) === storage) return digest
    }
    return null
  }

  override async *listBlobs(options: OperationOptions = {}): AsyncGenerator<BlobInfo, void, undefined> {
    this.assertRunning(options.signal)
    for (const storage of new Set([this.#small, this.#large])) {
      for await (const blob of storage.listBlobs(options)) if (this.#ownerOf(blob.digest) === storage) yield blob
    }
  }

  #ownerOf({ sizeBytes }: Digest): StorageABC {
    return sizeBytes <= this.#maxSmallBytes ? this.#small : this.#large
  }
}
