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
  SliceOptions,
  Status,
  WholeReadOptions,
} from '@caskade/core'
import { assertDigest, assertHash, checkContent, createDigest, inSlices, resolveRange, StorageABC } from '@caskade/core'
import { BlobOpener } from './blob-opener.ts'
import { BlobWriter } from './blob-writer.ts'
import { BulkReader } from './bulk-reader.ts'
import { BulkWriter } from './bulk-writer.ts'
import { findDamage } from './integrity.ts'
import type { SqliteOptions } from './sqlite-options.ts'
import { DEFAULT_MAX_ROW_BYTES } from './sqlite-options.ts'
import { SqliteStore } from './sqlite-store.ts'

/** How many blobs are read from the database at once when all are listed. */
const PAGE_SIZE = 500

/** How many blobs are looked for at once: all of them unknown, they take less than a millisecond. */
const LOOKED_FOR_TOGETHER = 512

/** So many are likely not all known: they are looked for at once. */
const MANY = 64

/**
 * Keeps blobs in one folder: small ones as rows of a SQLite database, larger ones as files beside it.
 *
 * It is ready at once however much it holds, keeps an exact quota with the least recently used going first, and
 * acknowledges a write only when it would survive a power failure. Content is verified when it is read; a file that nobody has
 * written to, once a minute.
 */
export class SqliteStorage extends StorageABC {
  static override readonly TYPE = 'Sqlite'

  // So many writes share one transaction and one sync.
  protected override readonly bulkConcurrency = 128

  readonly #store: SqliteStore
  readonly #writer: BlobWriter
  readonly #opener: BlobOpener
  readonly #bulkWriter: BulkWriter
  readonly #bulkReader: BulkReader

  /** `store` lets both halves of a backend share one open folder. */
  constructor(options: SqliteOptions, store: SqliteStore = new SqliteStore(options)) {
    super()
    this.#store = store
    const { maxRowBytes = DEFAULT_MAX_ROW_BYTES } = options
    this.#writer = new BlobWriter(store, maxRowBytes)
    this.#opener = new BlobOpener(store, this.#writer)
    this.#bulkWriter = new BulkWriter(store, this.#writer, maxRowBytes)
    this.#bulkReader = new BulkReader(store, this.#opener)
  }

  override get maxBlobBytes(): number {
    return this.#writer.maxBlobBytes
  }

  protected override onStart(): Promise<void> {
    return this.#store.start()
  }

  protected override onStop(): Promise<void> {
    return this.#store.stop()
  }

  override async hasBlob(digest: Digest, { signal }: OperationOptions = {}): Promise<boolean> {
    this.assertReady(digest, signal)
    if (!this.#writer.use(digest)) return false
    // Who is told that a blob is there will not write it again, so it must not be one that a power failure takes back.
    await this.holding(() => this.#store.settled())
    return true
  }

  override async missingBlobs(digests: readonly Digest[], { signal }: OperationOptions = {}): Promise<Digest[]> {
    this.assertRunning(signal)
    for (const digest of digests) assertDigest(digest)
    const missing: Digest[] = []
    const { finder } = this.#store
    if (digests.length > 0 && digests.length <= MANY && finder.knowsAll(digests)) {
      await this.holding(() => this.#store.settled(finder.seenVersion))
      return missing
    }
    const look = (start: number): void => {
      finder.addMissing(digests.slice(start, start + LOOKED_FOR_TOGETHER), missing)
    }
    const count = Math.ceil(digests.length / LOOKED_FOR_TOGETHER)
    const starts = Array.from({ length: count }, (_, index) => index * LOOKED_FOR_TOGETHER)
    await this.holding(async () => {
      await inSlices(starts, look, this.#reading(signal))
      await this.#store.housekeeper.recordExcess()
      if (missing.length < digests.length) await this.#store.settled(finder.seenVersion)
    })
    return missing
  }

  override async bulkReadBlobs(
    digests: readonly Digest[],
    options: WholeReadOptions = {},
  ): Promise<Map<string, Uint8Array>> {
    this.assertRunning(options.signal)
    for (const digest of digests) assertDigest(digest)
    const { found, files } = await this.holding(async () => {
      const read = await this.#bulkReader.read(digests, this.#reading(options.signal))
      await this.#store.housekeeper.recordExcess()
      return read
    })
    if (files.length === 0) return found
    for (const [hash, bytes] of await super.bulkReadBlobs(files, options)) found.set(hash, bytes)
    return found
  }

  override async bulkUpdateBlobs(
    blobs: readonly (readonly [Digest, Uint8Array])[],
    options: OperationOptions = {},
  ): Promise<Status[]> {
    this.assertRunning(options.signal)
    const stored = await this.holding(() =>
      this.#bulkWriter.store(blobs, { ...this.#reading(options.signal), signal: options.signal }),
    )
    const rest = blobs.filter((_, index) => stored[index] === undefined)
    if (rest.length === 0) return stored as Status[]
    const statuses = (await super.bulkUpdateBlobs(rest, options)).values()
    return stored.map((status) => status ?? (statuses.next().value as Status))
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    this.assertReady(digest, options.signal)
    const range = resolveRange(digest, options)
    const { signal, buffers } = options
    return this.#opener.open(digest, range, { signal, buffers, hold: () => this.hold() })
  }

  override async checkBlob(digest: Digest, { signal, pace }: CheckOptions = {}): Promise<BlobCondition> {
    this.assertReady(digest, signal)
    const all = resolveRange(digest, {})
    const open = (): Promise<BlobReader | null> =>
      this.#opener.open(digest, all, { signal, hold: () => this.hold(), isCheck: true })
    return checkContent(digest, { open, pace })
  }

  /**
   * Reads the database itself, as far as it is not content, on a thread of its own, and looks for damage. Resolves to a
   * description of each piece, none if all is well. Content is what {@link checkBlob} reads.
   */
  async checkIntegrity({ signal }: OperationOptions = {}): Promise<string[]> {
    this.assertRunning(signal)
    return this.holding(() => findDamage(this.#store.databasePath, { signal }))
  }

  override async deleteBlob(digest: Digest, { signal }: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, signal)
    await this.holding(() => this.#writer.remove(digest))
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
    const record = this.#store.blobs.findHash({ hash, digestFunction })
    return record === undefined ? null : createDigest(hash, record.sizeBytes, digestFunction)
  }

  override async getBlobByHash(
    hash: string,
    digestFunction?: DigestFunction,
    { signal, buffers }: WholeReadOptions = {},
  ): Promise<FoundBlob | null> {
    this.assertRunning(signal)
    assertHash(hash, digestFunction)
    const record = this.#store.blobs.findHashWithContent({ hash, digestFunction })
    if (record === undefined) return null
    const digest = createDigest(hash, record.sizeBytes, digestFunction)
    const opening = { signal, buffers, hold: () => this.hold() }
    const reader = await this.#opener.open(digest, resolveRange(digest, {}), opening, record)
    return reader && { digest, reader }
  }

  override async *listBlobs({ signal }: OperationOptions = {}): AsyncGenerator<BlobInfo, void, undefined> {
    for (let last = 0; ;) {
      this.assertRunning(signal)
      const { blobs, accessLog } = this.#store
      const page = blobs.page(last, PAGE_SIZE)
      accessLog.seeOthers()
      for (const { id, digest, accessedUs } of page) {
        const usedUs = Math.max(accessedUs, accessLog.lastUseOfBlob(id))
        yield { digest, lastAccessMs: Math.floor(usedUs / 1000) }
      }
      if (page.length < PAGE_SIZE) return
      last = page.at(-1)?.id ?? last
    }
  }

  /** Looks at many blobs in slices, each of which sees one state of the database. */
  #reading(signal: AbortSignal | undefined): SliceOptions {
    return { beforeSlice: () => signal?.throwIfAborted(), within: (slice) => this.#store.read(slice) }
  }
}
