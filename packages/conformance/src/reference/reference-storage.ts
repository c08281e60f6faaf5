import type {
  BlobInfo,
  BlobReader,
  BlobSource,
  Digest,
  DigestFunction,
  OperationOptions,
  ReadOptions,
} from '@caskade/core'
import {
  assertHash,
  collectSource,
  corruptError,
  digestKey,
  digestOf,
  isWithinLease,
  leaseRefusal,
  readerFromBytes,
  reportEvent,
  resolveRange,
  StorageABC,
  StorageError,
} from '@caskade/core'

/** A stored blob. `bytes` may be damaged by tests. */
export interface ReferenceBlob {
  readonly digest: Digest
  readonly bytes: Uint8Array
}

/** How a {@link ReferenceStorage} is set up. */
export interface ReferenceStorageOptions {
  /** The quota in bytes. Default: none. */
  readonly maxBytes?: number | undefined
  /** What was used within so many milliseconds is not evicted. Default: 0. */
  readonly leaseMs?: number | undefined
  /** The present time in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined
  /** What is stored, least recently used first; give the same map to two storages to have one remember the other's. */
  readonly blobs?: Map<string, ReferenceBlob> | undefined
}

/**
 * The plainest storage that keeps every rule: a map.
 *
 * It shows what the suite asks for, stands in where a test needs any storage at all, and is what the broken storages
 * that prove the suite are made of. Programs use `@caskade/memory`.
 */
export class ReferenceStorage extends StorageABC {
  static override readonly TYPE: string = 'Reference'

  /** What is stored, least recently used first. */
  readonly blobs: Map<string, ReferenceBlob>
  readonly #maxBytes: number
  readonly #leaseMs: number
  readonly #now: () => number
  readonly #usedMs = new Map<string, number>()

  constructor(options: ReferenceStorageOptions = {}) {
    const { maxBytes = Number.MAX_SAFE_INTEGER, leaseMs = 0, now = Date.now, blobs = new Map() } = options
    super()
    this.blobs = blobs
    this.#maxBytes = maxBytes
    this.#leaseMs = leaseMs
    this.#now = now
  }

  override async hasBlob(digest: Digest, { signal }: OperationOptions = {}): Promise<boolean> {
    this.assertReady(digest, signal)
    return this.#use(digest) !== undefined
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    this.assertReady(digest, options.signal)
    const { offset, length } = resolveRange(digest, options)
    const blob = this.#use(digest)
    if (blob === undefined) return null
    if (digestOf(blob.bytes, digest.digestFunction).hash !== digest.hash) {
      const error = corruptError(digest, 'its content has another hash')
      this.blobs.delete(digestKey(digest))
      reportEvent({ kind: 'corrupt', storageType: ReferenceStorage.TYPE, operation: 'getBlob', digest, error })
      throw error
    }
    const { signal } = options
    return readerFromBytes(blob.bytes.subarray(offset, offset + length), { signal, release: this.hold() })
  }

  override async deleteBlob(digest: Digest, { signal }: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, signal)
    if (this.#use(digest) !== undefined) this.blobs.delete(digestKey(digest))
  }

  override async commitWrite(digest: Digest, source: BlobSource, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    if (digest.sizeBytes > this.#maxBytes) {
      throw new StorageError('too-large', `Reference: more than ${this.#maxBytes} bytes`, { digest })
    }
    this.store(digest, await collectSource(source, digest, options))
  }

  override async resolveHash(
    hash: string,
    digestFunction?: DigestFunction,
    { signal }: OperationOptions = {},
  ): Promise<Digest | null> {
    this.assertRunning(signal)
    assertHash(hash, digestFunction)
    return this.blobs.get(digestKey({ hash, sizeBytes: 0, digestFunction }))?.digest ?? null
  }

  override async *listBlobs({ signal }: OperationOptions = {}): AsyncGenerator<BlobInfo, void, undefined> {
    this.assertRunning(signal)
    // Those that are used while they are listed move to the end; they must not be met again there.
    for (const { digest } of Array.from(this.blobs.values())) yield { digest }
  }

  /** Keeps bytes as a blob, evicting others as needed. */
  protected store(digest: Digest, bytes: Uint8Array): void {
    const key = digestKey(digest)
    this.blobs.delete(key)
    let total = bytes.byteLength
    for (const blob of this.blobs.values()) total += blob.bytes.byteLength
    for (const [oldest, blob] of this.blobs) {
      if (total <= this.#maxBytes) break
      if (this.isLeased(oldest)) throw this.refusal()
      this.blobs.delete(oldest)
      total -= blob.bytes.byteLength
    }
    this.blobs.set(key, { digest, bytes })
    this.#usedMs.set(key, this.#now())
  }

  /** Tells whether the blob of a key was used within the lease. */
  protected isLeased(key: string): boolean {
    return isWithinLease(this.#now() - (this.#usedMs.get(key) ?? 0), this.#leaseMs)
  }

  /** The error for a write that finds no room because everything is leased. */
  protected refusal(): StorageError {
    const quota = { maxBytes: this.#maxBytes, highBytes: this.#maxBytes, lowBytes: this.#maxBytes }
    return leaseRefusal(ReferenceStorage.TYPE, { ...quota, leaseMs: this.#leaseMs })
  }

  #use(digest: Digest): ReferenceBlob | undefined {
    const key = digestKey(digest)
    const blob = this.blobs.get(key)
    if (blob?.digest.sizeBytes !== digest.sizeBytes) return undefined
    this.blobs.delete(key)
    this.blobs.set(key, blob)
    this.#usedMs.set(key, this.#now())
    return blob
  }
}
