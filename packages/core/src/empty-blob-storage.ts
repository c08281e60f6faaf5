import type { BlobReader } from './blob-reader.ts'
import { readerFromBytes } from './blob-reader.ts'
import type { BlobSource } from './blob-source.ts'
import { collectSource } from './blob-source.ts'
import type { Digest, DigestFunction } from './digest.ts'
import { resolveRange } from './byte-range.ts'
import { assertHash, createDigest, digestFunctions } from './digest.ts'
import { emptyDigest } from './hashing.ts'
import type { OperationOptions, ReadOptions, WholeReadOptions } from './operation-options.ts'
import type { BlobCondition, CheckOptions } from './scrub/check-content.ts'
import type { Status } from './status.ts'
import { okStatus } from './status.ts'
import type { BlobInfo, FoundBlob } from './storage-abc.ts'
import { StorageABC } from './storage-abc.ts'

/**
 * Has the blob of no bytes always present, in every digest function, and keeps it from the storage inside.
 *
 * Build tools name the empty blob without ever uploading it, so every protocol serves from one of these. It costs a
 * comparison per operation.
 */
export class EmptyBlobStorage extends StorageABC {
  static override readonly TYPE = 'EmptyBlob'

  readonly #inner: StorageABC

  constructor(inner: StorageABC) {
    super()
    this.#inner = inner
  }

  override get maxBlobBytes(): number | undefined {
    return this.#inner.maxBlobBytes
  }

  protected override onStart(): Promise<void> {
    return this.#inner.start()
  }

  protected override onStop(): Promise<void> {
    return this.#inner.stop()
  }

  override async hasBlob(digest: Digest, options: OperationOptions = {}): Promise<boolean> {
    this.assertReady(digest, options.signal)
    return isEmpty(digest) || this.#inner.hasBlob(digest, options)
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    this.assertReady(digest, options.signal)
    if (!isEmpty(digest)) return this.#inner.getBlob(digest, options)
    resolveRange(digest, options)
    return readerFromBytes(new Uint8Array(0), { signal: options.signal })
  }

  override async checkBlob(digest: Digest, options: CheckOptions = {}): Promise<BlobCondition> {
    this.assertReady(digest, options.signal)
    return isEmpty(digest) ? 'whole' : this.#inner.checkBlob(digest, options)
  }

  override async deleteBlob(digest: Digest, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    if (!isEmpty(digest)) await this.#inner.deleteBlob(digest, options)
  }

  override async bulkDelete(digests: readonly Digest[], options: OperationOptions = {}): Promise<string[]> {
    this.assertRunning(options.signal)
    return this.#inner.bulkDelete(
      digests.filter((digest) => !isEmpty(digest)),
      options,
    )
  }

  override async commitWrite(digest: Digest, source: BlobSource, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    // It was told by its hash, whatever the function; only that the source is empty is left to see.
    if (isEmpty(digest)) await collectSource(source, { ...digest, digestFunction: undefined }, options)
    else await this.#inner.commitWrite(digest, source, options)
  }

  override async missingBlobs(digests: readonly Digest[], options: OperationOptions = {}): Promise<Digest[]> {
    this.assertRunning(options.signal)
    // Mostly there is none, and thousands of others that need not be copied.
    const others = digests.some(isEmpty) ? digests.filter((digest) => !isEmpty(digest)) : digests
    return this.#inner.missingBlobs(others, options)
  }

  override async bulkUpdateBlobs(
    blobs: readonly (readonly [Digest, Uint8Array])[],
    options: OperationOptions = {},
  ): Promise<Status[]> {
    this.assertRunning(options.signal)
    const isInner = blobs.map(([digest, bytes]) => !isEmpty(digest) || bytes.byteLength > 0)
    const others = blobs.filter((_, index) => isInner[index])
    const statuses = (await this.#inner.bulkUpdateBlobs(others, options)).values()
    return isInner.map((isAnswered) => (isAnswered && statuses.next().value) || okStatus)
  }

  override async bulkReadBlobs(
    digests: readonly Digest[],
    options: WholeReadOptions = {},
  ): Promise<Map<string, Uint8Array>> {
    this.assertRunning(options.signal)
    const found = await this.#inner.bulkReadBlobs(
      digests.filter((digest) => !isEmpty(digest)),
      options,
    )
    for (const digest of digests) if (isEmpty(digest)) found.set(digest.hash, new Uint8Array(0))
    return found
  }

  override async resolveHash(
    hash: string,
    digestFunction?: DigestFunction,
    options: OperationOptions = {},
  ): Promise<Digest | null> {
    this.assertRunning(options.signal)
    assertHash(hash, digestFunction)
    const empty = createDigest(hash, 0, digestFunction)
    return isEmpty(empty) ? empty : this.#inner.resolveHash(hash, digestFunction, options)
  }

  override async getBlobByHash(
    hash: string,
    digestFunction?: DigestFunction,
    options: WholeReadOptions = {},
  ): Promise<FoundBlob | null> {
    this.assertRunning(options.signal)
    assertHash(hash, digestFunction)
    const empty = { hash, sizeBytes: 0, digestFunction }
    if (isEmpty(empty)) return super.getBlobByHash(hash, digestFunction, options)
    return this.#inner.getBlobByHash(hash, digestFunction, options)
  }

  override async *listBlobs(options: OperationOptions = {}): AsyncGenerator<BlobInfo, void, undefined> {
    this.assertRunning(options.signal)
    yield* this.#inner.listBlobs(options)
  }
}

// BLAKE3 cannot be computed here; this is its value for no input (BLAKE3 specification, test vectors).
const BLAKE3_EMPTY = 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'

const EMPTY_HASHES = new Map<DigestFunction, string>(
  digestFunctions.map((each) => [each, each === 'blake3' ? BLAKE3_EMPTY : emptyDigest(each).hash]),
)

/** Tells whether a digest names the blob of no bytes. */
function isEmpty({ hash, sizeBytes, digestFunction = 'sha256' }: Digest): boolean {
  return sizeBytes === 0 && EMPTY_HASHES.get(digestFunction) === hash
}
