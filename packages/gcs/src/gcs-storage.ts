import type {
  BlobInfo,
  BlobReader,
  BlobSource,
  Digest,
  DigestFunction,
  OperationOptions,
  ReadOptions,
  Status,
  WholeReadOptions,
} from '@caskade/core'
import {
  assertDigest,
  assertHash,
  createDigest,
  exactDigestKey,
  formatDigest,
  mapLimit,
  okStatus,
  resolveRange,
  StorageABC,
} from '@caskade/core'
import { BlobFinder } from './blobs/blob-finder.ts'
import { BlobOpener } from './blobs/blob-opener.ts'
import { BlobWriter } from './blobs/blob-writer.ts'
import type { GcsOptions } from './gcs-options.ts'
import { GcsStore } from './gcs-store.ts'
import { blobKnowledgeKey } from './objects/object-knowledge.ts'

/** The largest object that the service takes. */
const MAX_OBJECT_BYTES = 5 * 1024 ** 4

/** How many requests one bulk operation has under way at most. */
const MAX_BULK_CONCURRENCY = 64

/**
 * Keeps blobs as objects of a Google Cloud Storage bucket, for many stateless servers.
 *
 * Every blob is created at most once, with one request. Content is verified on its way in, and when it is read whole.
 * What removes what is no longer used is a lifecycle rule of the bucket, which goes by the uses that are recorded here.
 */
export class GcsStorage extends StorageABC {
  static override readonly TYPE = 'Gcs'

  protected override readonly bulkConcurrency: number

  readonly #store: GcsStore
  readonly #finder: BlobFinder
  readonly #opener: BlobOpener
  readonly #writer: BlobWriter

  /** `store` lets both halves of a backend share their connections. */
  constructor(options: GcsOptions, store: GcsStore = new GcsStore(options)) {
    super()
    this.#store = store
    this.#finder = new BlobFinder(store)
    this.#opener = new BlobOpener(store, this.#finder)
    this.#writer = new BlobWriter(store, () => this.hold())
    this.bulkConcurrency = Math.min(MAX_BULK_CONCURRENCY, store.settings.maxConnections)
  }

  override get maxBlobBytes(): number {
    return MAX_OBJECT_BYTES
  }

  protected override onStart(): Promise<void> {
    return this.#store.start()
  }

  protected override onStop(): Promise<void> {
    return this.#store.stop()
  }

  override async hasBlob(digest: Digest, options: OperationOptions = {}): Promise<boolean> {
    this.assertReady(digest, options.signal)
    return this.holding(() => this.#finder.has(digest, options))
  }

  override async missingBlobs(digests: readonly Digest[], options: OperationOptions = {}): Promise<Digest[]> {
    this.assertRunning(options.signal)
    for (const digest of digests) assertDigest(digest)
    const unique = distinct(digests)
    const found = new Set<string>()
    await this.holding(() =>
      mapLimit([...unique], this.bulkConcurrency, async ([key, digest]) => {
        options.signal?.throwIfAborted()
        if (await this.#finder.has(digest, options)) found.add(key)
      }),
    )
    return digests.filter((digest) => !found.has(exactDigestKey(digest)))
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    this.assertReady(digest, options.signal)
    const range = resolveRange(digest, options)
    return this.holding(() => this.#opener.open(digest, range, { signal: options.signal, hold: () => this.hold() }))
  }

  override async deleteBlob(digest: Digest, { signal }: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, signal)
    await this.holding(() => this.#remove(digest, signal))
  }

  override async commitWrite(digest: Digest, source: BlobSource, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    await this.holding(() => this.#writer.commit(digest, source, options))
  }

  override async resolveHash(
    hash: string,
    digestFunction?: DigestFunction,
    { signal }: OperationOptions = {},
  ): Promise<Digest | null> {
    this.assertRunning(signal)
    assertHash(hash, digestFunction)
    const { abandoned, access, names } = this.#store
    const name = names.blob({ hash, digestFunction })
    return this.holding(async () => {
      await abandoned.settled(name, signal)
      const facts = await access.facts(name, { signal })
      return facts === null || facts.isEncoded ? null : createDigest(hash, facts.sizeBytes, digestFunction)
    })
  }

  override async *listBlobs({ signal }: OperationOptions = {}): AsyncGenerator<BlobInfo, void, undefined> {
    const { access, names } = this.#store
    let pageToken: string | undefined
    do {
      this.assertRunning(signal)
      const page = await access.page(names.blobPrefix, pageToken, { signal })
      for (const { name, sizeBytes, customTimeMs, isEncoded } of page.objects) {
        const digest = names.digestOf(name, sizeBytes)
        if (digest !== undefined && !isEncoded) yield { digest, lastAccessMs: customTimeMs }
      }
      pageToken = page.nextPageToken
    } while (pageToken !== undefined)
  }

  override async bulkDelete(digests: readonly Digest[], options: OperationOptions = {}): Promise<string[]> {
    const failed = new Set(await super.bulkDelete([...distinct(digests).values()], options))
    return digests.map(formatDigest).filter((name) => failed.has(name))
  }

  override async bulkUpdateBlobs(
    blobs: readonly (readonly [Digest, Uint8Array])[],
    options: OperationOptions = {},
  ): Promise<Status[]> {
    // One of several that claim to be the same may still not be: only what is the same array is stored once.
    const unique = new Map<string, readonly [Digest, Uint8Array]>()
    const keys = blobs.map((blob, index) => {
      const key = exactDigestKey(blob[0])
      const isSame = unique.get(key)?.[1] === blob[1] || !unique.has(key)
      const own = isSame ? key : `${key}#${index}`
      unique.set(own, blob)
      return own
    })
    const statuses = await super.bulkUpdateBlobs([...unique.values()], options)
    const byKey = new Map([...unique.keys()].map((key, index) => [key, statuses[index] ?? okStatus]))
    return keys.map((key) => byKey.get(key) ?? okStatus)
  }

  override async bulkReadBlobs(
    digests: readonly Digest[],
    options: WholeReadOptions = {},
  ): Promise<Map<string, Uint8Array>> {
    this.assertRunning(options.signal)
    return super.bulkReadBlobs([...distinct(digests).values()], options)
  }

  async #remove(digest: Digest, signal: AbortSignal | undefined): Promise<void> {
    const { abandoned, access, knowledge, names } = this.#store
    const name = names.blob(digest)
    const key = blobKnowledgeKey(digest)
    await abandoned.run(
      name,
      signal,
      () => this.hold(),
      async () => {
        // A blob of another size is another blob, which must stay.
        const facts = await access.facts(name, { signal })
        const isAnother = facts !== null && (facts.declaredSizeBytes ?? facts.sizeBytes) !== digest.sizeBytes
        knowledge.forget(key)
        if (facts === null || isAnother) return
        try {
          await access.remove(name, { generation: facts.generation, patience: signal })
        } finally {
          knowledge.forget(key)
        }
      },
    )
  }
}

/** The digests, each once, by a key that is equal for equal ones. */
function distinct(digests: readonly Digest[]): Map<string, Digest> {
  return new Map(digests.map((digest) => [exactDigestKey(digest), digest]))
}
