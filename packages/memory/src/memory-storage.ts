import type {
  BlobCondition,
  BlobInfo,
  BlobReader,
  BlobSource,
  CheckOptions,
  Digest,
  DigestFunction,
  FoundBlob,
  OperationOptions,
  ReadOptions,
  Status,
} from '@caskade/core'
import {
  assertDigest,
  assertHash,
  assertStorable,
  checkContent,
  collectSource,
  formatDigest,
  okStatus,
  readerFromBytes,
  reportEvent,
  resolveRange,
  statusOfError,
  StorageABC,
  StorageError,
  verifyBytes,
  WriteTurns,
} from '@caskade/core'
import type { Item } from './lru-table.ts'
import { LruTable } from './lru-table.ts'
import type { BlobItem, MemoryItem } from './memory-item.ts'
import type { MemoryOptions } from './memory-options.ts'

/** What is smaller is not counted while it is being read after it was evicted: noting that would cost more than it is worth. */
const HELD_FROM_BYTES = 64 * 1024

/**
 * Keeps blobs in the memory of this process, evicting the least recently used.
 *
 * The quota counts the overhead of each blob, the blobs that are being written, and those that are still being read after
 * they were evicted. A blob that does not fit is refused
 * with `too-large`. Everything is forgotten when the process ends.
 */
export class MemoryStorage extends StorageABC {
  static override readonly TYPE = 'Memory'

  readonly #table: LruTable<MemoryItem>
  readonly #maxBlobBytes: number
  readonly #turns = new WriteTurns()

  /** `table` lets several halves share one quota. */
  constructor(options: MemoryOptions = {}, table: LruTable<MemoryItem> = new LruTable(options)) {
    super()
    this.#table = table
    this.#maxBlobBytes = options.maxBlobBytes ?? table.maxValueBytes
  }

  override get maxBlobBytes(): number {
    return Math.min(this.#maxBlobBytes, this.#table.maxValueBytes)
  }

  override async hasBlob(digest: Digest, { signal }: OperationOptions = {}): Promise<boolean> {
    this.assertReady(digest, signal)
    return this.#use(digest) !== undefined
  }

  override async missingBlobs(digests: readonly Digest[], { signal }: OperationOptions = {}): Promise<Digest[]> {
    this.assertRunning(signal)
    for (const digest of digests) assertDigest(digest)
    const missing: Digest[] = []
    for (const digest of digests) if (this.#use(digest) === undefined) missing.push(digest)
    return missing
  }

  override async bulkReadBlobs(
    digests: readonly Digest[],
    { signal }: OperationOptions = {},
  ): Promise<Map<string, Uint8Array>> {
    this.assertRunning(signal)
    for (const digest of digests) assertDigest(digest)
    const found = new Map<string, Uint8Array>()
    for (const digest of digests) {
      const blob = this.#use(digest)
      if (blob !== undefined) found.set(digest.hash, blob.bytes)
    }
    return found
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    this.assertReady(digest, options.signal)
    const { offset, length } = resolveRange(digest, options)
    const blob = this.#use(digest)
    if (blob === undefined) return null
    const bytes = length === digest.sizeBytes ? blob.bytes : blob.bytes.subarray(offset, offset + length)
    return this.#open(digest, bytes, options)
  }

  override async checkBlob(digest: Digest, { signal, pace }: CheckOptions = {}): Promise<BlobCondition> {
    this.assertReady(digest, signal)
    return checkContent(digest, {
      pace,
      open: async () => {
        const item = this.#find(digest)
        return item === undefined ? null : readerFromBytes(item.bytes, { signal })
      },
      onDamaged: async (error) => {
        reportEvent({ kind: 'corrupt', storageType: MemoryStorage.TYPE, operation: 'checkBlob', digest, error })
        this.#table.delete(digest)
      },
    })
  }

  override async deleteBlob(digest: Digest, { signal }: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, signal)
    if (this.#use(digest) !== undefined) this.#table.delete(digest)
  }

  override async commitWrite(digest: Digest, source: BlobSource, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    assertStorable(source, digest)
    this.#assertFits(digest)
    await this.#turns.take(digest, source, {
      isStored: () => this.#use(digest) !== undefined,
      write: (own) => this.#write(digest, own, options),
      signal: options.signal,
    })
  }

  /** At once, without a source and a turn for each: a third of the CPU. */
  override async bulkUpdateBlobs(
    blobs: readonly (readonly [Digest, Uint8Array])[],
    { signal }: OperationOptions = {},
  ): Promise<Status[]> {
    this.assertRunning(signal)
    return blobs.map(([digest, bytes]) => {
      try {
        verifyBytes(digest, bytes)
        this.#assertFits(digest)
        if (this.#use(digest) === undefined) this.#keep(digest, Uint8Array.from(bytes))
        return okStatus
      } catch (error) {
        return statusOfError(error)
      }
    })
  }

  override async resolveHash(
    hash: string,
    digestFunction?: DigestFunction,
    { signal }: OperationOptions = {},
  ): Promise<Digest | null> {
    this.assertRunning(signal)
    assertHash(hash, digestFunction)
    const value = this.#table.find({ hash, digestFunction })?.value
    return value?.kind === 'blob' ? value.digest : null
  }

  override async getBlobByHash(
    hash: string,
    digestFunction?: DigestFunction,
    options: OperationOptions = {},
  ): Promise<FoundBlob | null> {
    this.assertRunning(options.signal)
    assertHash(hash, digestFunction)
    const item = this.#table.find({ hash, digestFunction })
    if (item?.value.kind !== 'blob') return null
    this.#table.renew(item)
    const { digest, bytes } = item.value
    return { digest, reader: this.#open(digest, bytes, options) }
  }

  override async *listBlobs({ signal }: OperationOptions = {}): AsyncGenerator<BlobInfo, void, undefined> {
    this.assertRunning(signal)
    for (const item of this.#table.values()) if (item.kind === 'blob') yield { digest: item.digest }
  }

  #open(digest: Digest, bytes: Uint8Array, { signal }: OperationOptions): BlobReader {
    const release = bytes.byteLength < HELD_FROM_BYTES ? undefined : this.#table.hold(digest)
    return readerFromBytes(bytes, { signal, release })
  }

  async #write(digest: Digest, source: BlobSource, options: OperationOptions): Promise<void> {
    const giveBack = this.#table.reserve(digest.sizeBytes)
    try {
      const bytes = await collectSource(source, digest, options)
      giveBack()
      this.#keep(digest, bytes)
    } finally {
      giveBack()
    }
  }

  #keep(digest: Digest, bytes: Uint8Array): void {
    this.#table.reserve(digest.sizeBytes)()
    this.#table.set(digest, { kind: 'blob', digest, bytes }, digest.sizeBytes)
  }

  #assertFits(digest: Digest): void {
    if (digest.sizeBytes <= this.#maxBlobBytes) return
    const message = `Memory: blob ${formatDigest(digest)} exceeds the limit of ${this.#maxBlobBytes} bytes a blob`
    throw new StorageError('too-large', message, { digest })
  }

  #use(digest: Digest): BlobItem | undefined {
    const item = this.#table.find(digest)
    const blob = blobOf(item, digest)
    if (item !== undefined && blob !== undefined) this.#table.renew(item)
    return blob
  }

  #find(digest: Digest): BlobItem | undefined {
    return blobOf(this.#table.find(digest), digest)
  }
}

/** The blob that was found, if it is of the right size. */
function blobOf(item: Item<MemoryItem> | undefined, { sizeBytes }: Digest): BlobItem | undefined {
  return item?.value.kind === 'blob' && item.value.digest.sizeBytes === sizeBytes ? item.value : undefined
}
