import type {
  BlobCondition,
  BlobInfo,
  BlobReader,
  BlobSource,
  CheckOptions,
  Digest,
  DigestFunction,
  OperationOptions,
  ReadOptions,
  WholeReadOptions,
} from '@caskade/core'
import { assertDigest, assertHash, createDigest, checkContent, inSlices, resolveRange, StorageABC } from '@caskade/core'
import { fileError, largestFileBytes } from '@caskade/core/files'
import { attempt } from './blob-files.ts'
import type { FsOptions } from './fs-options.ts'
import { FsStore } from './fs-store.ts'
import { statIfThere } from './held-files.ts'
import { blobName, functionOf, hashOf } from './layout.ts'

/** How many folders are looked at at once when all blobs are listed. */
const FOLDERS_AT_ONCE = 4

/**
 * Keeps blobs as plain files in one folder, which several processes may share.
 *
 * It is ready at once however much it holds, never exceeds its quota, with the least recently used going first, and
 * acknowledges a write only when it would survive a power failure. Content is verified when it is read; a file that nobody has
 * written to, once a minute.
 */
export class FsStorage extends StorageABC {
  static override readonly TYPE = 'Fs'

  protected override readonly bulkConcurrency = 64

  readonly #store: FsStore

  /** `store` lets both halves of a backend share one open folder. */
  constructor(options: FsOptions, store: FsStore = new FsStore(options)) {
    super()
    this.#store = store
  }

  override get maxBlobBytes(): number {
    return largestFileBytes(this.#store.quota.maxBytes)
  }

  protected override onStart(): Promise<void> {
    return this.#store.start()
  }

  protected override onStop(): Promise<void> {
    return this.#store.stop()
  }

  override async hasBlob(digest: Digest, { signal }: OperationOptions = {}): Promise<boolean> {
    this.assertReady(digest, signal)
    const quick = this.#hasQuickly(digest)
    if (quick !== undefined) return quick
    return this.holding(async () => {
      const { blobs, accessLog, syncs } = this.#store.running
      const stat = await blobs.find(digest)
      if (stat === undefined) return false
      const name = blobName(digest)
      accessLog.use(name, stat.modifiedUs)
      // Who is told that a blob is there will not write it again, so it must not be one that a power failure takes back.
      const hasWaited = await attempt(digest, 'sync', syncs.settled(this.#store.layout.folderOf(name), stat.changedMs))
      return !hasWaited || (await blobs.find(digest)) !== undefined
    })
  }

  override async missingBlobs(digests: readonly Digest[], options: OperationOptions = {}): Promise<Digest[]> {
    this.assertRunning(options.signal)
    for (const digest of digests) assertDigest(digest)
    const unsure: Digest[] = []
    const missing: Digest[] = []
    const finding = this.#store.running.finder.begin()
    const look = (digest: Digest): void => {
      const has = this.#store.running.finder.has(digest, finding)
      if (has === undefined) unsure.push(digest)
      if (has !== true) missing.push(digest)
    }
    await inSlices(digests, look, { beforeSlice: () => this.assertRunning(options.signal) })
    await this.holding(() => this.#store.running.accessLog.gathered())
    if (unsure.length === 0) return missing
    const found = new Set(unsure)
    for (const digest of await super.missingBlobs(unsure, options)) found.delete(digest)
    return missing.filter((digest) => !found.has(digest))
  }

  override async bulkReadBlobs(
    digests: readonly Digest[],
    options: WholeReadOptions = {},
  ): Promise<Map<string, Uint8Array>> {
    this.assertRunning(options.signal)
    for (const digest of digests) assertDigest(digest)
    const found = new Map<string, Uint8Array>()
    const unsure: Digest[] = []
    const read = (digest: Digest): void => {
      if (found.has(digest.hash)) return
      const { opener } = this.#store.running
      const bytes = opener.readQuickly(digest, resolveRange(digest, {}), { isCheck: false, buffers: options.buffers })
      if (bytes === undefined) unsure.push(digest)
      else if (bytes !== null) found.set(digest.hash, bytes)
    }
    await inSlices(digests, read, { beforeSlice: () => this.assertRunning(options.signal) })
    await this.holding(() => this.#store.running.accessLog.gathered())
    if (unsure.length === 0) return found
    for (const [hash, bytes] of await super.bulkReadBlobs(unsure, options)) found.set(hash, bytes)
    return found
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    this.assertReady(digest, options.signal)
    const range = resolveRange(digest, options)
    const { opener } = this.#store.running
    const { signal, buffers } = options
    return opener.open(digest, range, { signal, buffers, hold: () => this.hold(), isCheck: false })
  }

  override async checkBlob(digest: Digest, { signal, pace }: CheckOptions = {}): Promise<BlobCondition> {
    this.assertReady(digest, signal)
    const { opener } = this.#store.running
    const range = { offset: 0, length: digest.sizeBytes }
    const open = (): Promise<BlobReader | null> =>
      opener.open(digest, range, { signal, hold: () => this.hold(), isCheck: true })
    return checkContent(digest, { open, pace })
  }

  override async deleteBlob(digest: Digest, { signal }: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, signal)
    await this.holding(() => this.#store.running.writer.remove(digest))
  }

  override async commitWrite(digest: Digest, source: BlobSource, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    await this.holding(() => this.#store.running.writer.commit(digest, source, options))
  }

  override async resolveHash(
    hash: string,
    digestFunction?: DigestFunction,
    { signal }: OperationOptions = {},
  ): Promise<Digest | null> {
    this.assertRunning(signal)
    assertHash(hash, digestFunction)
    const name = blobName({ hash, digestFunction })
    const path = this.#store.layout.pathOf(name)
    const digest = createDigest(hash, 0, digestFunction)
    const quick = this.#store.running.blobs.quick.stat(path)
    const stat = quick === undefined ? await attempt(digest, 'find', statIfThere(this.#store.files, path)) : quick
    return stat ? createDigest(hash, stat.sizeBytes, digestFunction) : null
  }

  override async *listBlobs({ signal }: OperationOptions = {}): AsyncGenerator<BlobInfo, void, undefined> {
    this.assertRunning(signal)
    const { stored, accessLog } = this.#store.running
    const folders = await list(stored.blobFolders())
    for (let from = 0; from < folders.length; from += FOLDERS_AT_ONCE) {
      this.assertRunning(signal)
      for (const { name, stat } of await list(stored.look(folders.slice(from, from + FOLDERS_AT_ONCE)))) {
        const usedUs = Math.max(stat.modifiedUs, accessLog.unrecordedUs(name) ?? 0)
        const digest = createDigest(hashOf(name), stat.sizeBytes, functionOf(name))
        yield { digest, lastAccessMs: usedUs / 1000 }
      }
    }
  }

  /** Tells whether a blob is stored, without waiting; undefined when it cannot. Counts as use. */
  #hasQuickly(digest: Digest): boolean | undefined {
    const { blobs, accessLog, syncs } = this.#store.running
    const stat = blobs.findQuickly(digest)
    if (stat === undefined) return undefined
    if (stat === null) return false
    const name = blobName(digest)
    if (!syncs.isSettled(this.#store.layout.folderOf(name), stat.changedMs)) return undefined
    accessLog.use(name, stat.modifiedUs)
    return true
  }
}

async function list<Result>(operation: Promise<Result>): Promise<Result> {
  try {
    return await operation
  } catch (error) {
    throw fileError(error, 'Fs: cannot list blobs')
  }
}
