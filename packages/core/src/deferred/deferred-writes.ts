import type {
  ActionCacheABC,
  ActionCacheEntry,
  ActionCacheRecord,
  ActionKey,
  UpdateOptions,
} from '../action-cache-abc.ts'
import { abortable } from '../abortable.ts'
import type { BlobReader } from '../blob-reader.ts'
import type { BlobSource } from '../blob-source.ts'
import { collectSource } from '../blob-source.ts'
import type { ByteRange } from '../byte-range.ts'
import type { Digest } from '../digest.ts'
import { digestKey, exactDigestKey } from '../digest.ts'
import { fileError } from '../files/file-errors.ts'
import type { FileOperations } from '../files/file-operations.ts'
import { nodeFiles } from '../files/file-operations.ts'
import { Lifecycle } from '../lifecycle.ts'
import type { OperationOptions } from '../operation-options.ts'
import type { StorageABC } from '../storage-abc.ts'
import { isErrnoException, StorageError } from '../storage-error.ts'
import { reportEvent } from '../storage-events.ts'
import { openContent, stageContent } from './deferred-content.ts'
import { DEFERRED_DEFAULTS } from './deferred-defaults.ts'
import type { Hold } from './hold.ts'
import type { PendingItem } from './pending-item.ts'
import { entryMemoryBytes } from './pending-item.ts'
import type { DeliveryTargets } from './pending-writes.ts'
import { PendingWrites } from './pending-writes.ts'

/** Contents up to this many bytes are part of a record, so that one sync serves many; longer ones are files. */
const MAX_INLINE_BYTES = 64 * 1024

/** How {@link DeferredWrites} work. */
export interface DeferredWritesOptions {
  /** A folder on a local disk, for the journals of any number of processes; it is created when it is not there. */
  readonly directory: string
  /** How many writes are on their way to the fallback at once. Default: 20. */
  readonly concurrency?: number | undefined
  /** How many writes may wait. Default: 100,000. */
  readonly maxWrites?: number | undefined
  /** How many bytes may wait. Default: 4 GiB. */
  readonly maxBytes?: number | undefined
  /** How long a stop waits for what is pending to arrive, in milliseconds. Default: 10 seconds. */
  readonly drainMs?: number | undefined
  /** The file operations to use. Default: the real file system. */
  readonly files?: FileOperations | undefined
}

/** What waits to reach the fallback. */
export interface DeferredWritesStatus {
  /** How many blobs and action-cache entries wait. */
  readonly writes: number
  /** How much they come to, in bytes. */
  readonly bytes: number
  /** When the oldest was accepted, in milliseconds since 1970; undefined when nothing waits. */
  readonly oldestAcceptedAt: number | undefined
  /** How many attempts in a row found the fallback unavailable. */
  readonly consecutiveFailures: number
  /** Why the latest failed attempt failed; undefined while deliveries succeed. */
  readonly lastError: unknown
}

/**
 * Writes that are acknowledged once they are on local disk, and brought to a fallback later.
 *
 * Each is journalled and synced before it is accepted, survives the process, and is sent until it arrives; an entry
 * goes after the blobs it references. Both halves of a WithCache share one.
 */
export class DeferredWrites extends Lifecycle {
  readonly #options: DeferredWritesOptions
  readonly #files: FileOperations
  readonly #adding = new Map<string, Promise<boolean>>()
  readonly #targets: DeliveryTargets = {}
  /** Exists only while it runs. */
  #writes: PendingWrites | undefined

  constructor(options: DeferredWritesOptions) {
    super()
    this.#options = options
    this.#files = options.files ?? nodeFiles
  }

  /** What waits; undefined while it does not run. */
  get status(): DeferredWritesStatus | undefined {
    if (this.#writes === undefined) return undefined
    const { writes, bytes, oldestAcceptedAt } = this.#writes.table
    const { consecutiveFailures, lastError } = this.#writes.delivery
    return { writes, bytes, oldestAcceptedAt, consecutiveFailures, lastError }
  }

  /** Begins to deliver blobs to a storage, which must be running until `detachStorage` resolves. */
  attachStorage(storage: StorageABC): void {
    this.#targets.storage = storage
    this.#pending.delivery.open('blob')
  }

  /** Begins to deliver entries to an action cache, which must be running until `detachActionCache` resolves. */
  attachActionCache(actionCache: ActionCacheABC): void {
    this.#targets.actionCache = actionCache
    this.#pending.delivery.open('entry')
  }

  /** Waits until the pending blobs have arrived, up to `drainMs`, then delivers no more; the rest stays in the journal. */
  async detachStorage(): Promise<void> {
    await this.#drain('blob')
    await this.#pending.delivery.close('blob')
    this.#targets.storage = undefined
  }

  /** Waits until the pending entries have arrived, up to `drainMs`, then delivers no more; the rest stays in the journal. */
  async detachActionCache(): Promise<void> {
    await this.#drain('entry')
    await this.#pending.delivery.close('entry')
    this.#targets.actionCache = undefined
  }

  /** Waits until everything that is pending now has arrived, however long that takes. */
  async flush({ signal }: OperationOptions = {}): Promise<void> {
    this.assertRunning(signal)
    await this.#pending.table.settled(['blob', 'entry'], signal)
  }

  hasBlob(digest: Digest): boolean {
    return this.#pending.table.blob(digest) !== undefined
  }

  /** The digest of the pending blob of a hash; undefined when there is none. */
  resolveHash(digest: Omit<Digest, 'sizeBytes'>): Digest | undefined {
    return this.#pending.table.blobOfHash(digest)?.header.digest
  }

  /** Every pending blob. */
  *blobs(): Generator<Digest, void, undefined> {
    for (const { header } of this.#pending.table.blobs()) yield header.digest
  }

  /** Opens a pending blob; resolves to null when it is not pending, or no longer. */
  async openBlob(digest: Digest, range: ByteRange, options: OperationOptions = {}): Promise<BlobReader | null> {
    const item = this.#pending.table.blob(digest)
    if (item === undefined) return null
    const release = this.hold()
    try {
      return await openContent(item, range, { ...options, files: this.#files, release })
    } catch (error) {
      release()
      options.signal?.throwIfAborted()
      return this.#whenGone(item, error)
    }
  }

  /**
   * Accepts a blob, whose content the caller has verified. Resolves to false when there is no room for it, or the
   * journal cannot be written; then nothing of it is kept.
   */
  async addBlob(digest: Digest, source: BlobSource, { signal }: OperationOptions = {}): Promise<boolean> {
    const key = exactDigestKey(digest)
    for (let adding = this.#adding.get(key); adding !== undefined; adding = this.#adding.get(key)) {
      await abortable(
        adding.catch(() => undefined),
        signal,
      )
    }
    if (this.hasBlob(digest)) return true
    const adding = this.holding(() => this.#addBlob(digest, source, signal)).finally(() => this.#adding.delete(key))
    this.#adding.set(key, adding)
    return abortable(adding, signal)
  }

  /** The pending entry under a key; null when there is none. */
  async getEntry(key: ActionKey): Promise<ActionCacheEntry | null> {
    const item = this.#pending.table.entry(key)
    if (item === undefined) return null
    try {
      const { references, metadata } = item.header
      return { bytes: await item.lane.readContent(item.record), references, metadata }
    } catch (error) {
      return this.#whenGone(item, error)
    }
  }

  /** Accepts an entry. Resolves to false when there is no room for it, or the journal cannot be written. */
  async addEntry(
    key: ActionKey,
    { bytes, references, metadata }: ActionCacheEntry,
    { ifAbsent = false, signal }: UpdateOptions = {},
  ): Promise<boolean> {
    const adding = this.holding(() =>
      this.#pending.admit(bytes.byteLength + entryMemoryBytes({ references, metadata }), (lane) => {
        const id = lane.takeId()
        const header = { type: 'entry', id, key, references, metadata, ifAbsent, acceptedAt: Date.now() } as const
        // Copied, because it is written later.
        return lane.append(header, Uint8Array.from(bytes))
      }),
    )
    return abortable(adding, signal)
  }

  /** Whether an entry may not go to the fallback by another way yet, because a blob that it references has not arrived. */
  mustFollow(references: readonly Digest[]): boolean {
    return references.some((reference) => this.hasBlob(reference))
  }

  /** Every pending entry whose namespace starts with the prefix. */
  async *entries(namespacePrefix: string): AsyncGenerator<ActionCacheRecord, void, undefined> {
    for (const { header } of this.#pending.table.entries()) {
      if (!header.key.namespace.startsWith(namespacePrefix)) continue
      const entry = await this.getEntry(header.key)
      if (entry !== null) yield { key: header.key, entry }
    }
  }

  /** Keeps pending blobs from arriving while it is being decided whether they are deleted. */
  holdBlobs(digests: readonly Digest[]): Promise<Hold> {
    const keys = new Set(digests.map(digestKey))
    const items = digests.flatMap((digest) => this.#pending.table.blob(digest) ?? [])
    return this.#pending.hold(items, (header) => header.type === 'blob' && keys.has(digestKey(header.digest)))
  }

  /** Keeps a pending entry from arriving while it is being decided whether it is deleted. */
  holdEntry({ namespace, key }: ActionKey): Promise<Hold> {
    return this.#pending.hold(
      this.#pending.table.writesOfEntry({ namespace, key }),
      (header) => header.type === 'entry' && header.key.namespace === namespace && header.key.key === key,
    )
  }

  protected override async onStart(): Promise<void> {
    const { directory, concurrency, maxWrites, maxBytes } = this.#options
    this.#writes = await PendingWrites.open({
      directory,
      concurrency: concurrency ?? DEFERRED_DEFAULTS.concurrency,
      maxWrites: maxWrites ?? DEFERRED_DEFAULTS.maxWrites,
      maxBytes: maxBytes ?? DEFERRED_DEFAULTS.maxBytes,
      files: this.#files,
      targets: this.#targets,
      holding: (operation) => this.holding(operation),
    })
  }

  protected override async onStop(): Promise<void> {
    await this.#pending.close()
    this.#writes = undefined
  }

  get #pending(): PendingWrites {
    if (this.#writes === undefined) throw new StorageError('not-running', 'DeferredWrites: not running; call start()')
    return this.#writes
  }

  async #addBlob(digest: Digest, source: BlobSource, signal: AbortSignal | undefined): Promise<boolean> {
    return this.#pending.admit(digest.sizeBytes, async (lane) => {
      const id = lane.takeId()
      const isFile = digest.sizeBytes > MAX_INLINE_BYTES
      const header = { type: 'blob', id, digest, isFile, acceptedAt: Date.now() } as const
      if (!isFile) return lane.append(header, await collectSource(source, digest, { signal }))
      await stageContent(lane, id, { digest, source, files: this.#files, signal })
      try {
        return await lane.append(header)
      } catch (error) {
        await this.#files.unlink(lane.contentPath(id)).catch(() => undefined)
        throw error
      }
    })
  }

  /** What could not be read has arrived meanwhile, or was lost; anything else says nothing of whether it is there. */
  #whenGone(item: PendingItem, error: unknown): null {
    const isLost = StorageError.is(error, 'corrupt') || isErrnoException(error, 'ENOENT')
    if (!isLost && !item.isSettled) throw fileError(error, 'WithCache: cannot read its journal')
    if (!item.isSettled) this.#pending.lose(item, error)
    return null
  }

  async #drain(kind: 'blob' | 'entry'): Promise<void> {
    const deadline = new AbortController()
    const drainMs = this.#options.drainMs ?? DEFERRED_DEFAULTS.drainMs
    const timer = setTimeout(() => deadline.abort(new Error('drainMs has passed')), drainMs)
    try {
      await this.#pending.table.settled([kind], deadline.signal)
    } catch (error) {
      const { writes } = this.#pending.table
      const left = new StorageError('unavailable', `WithCache: stopped with ${writes} deferred writes in its journal`, {
        cause: error,
      })
      reportEvent({ kind: 'deferred-failure', storageType: 'WithCache', operation: 'stop', error: left })
    } finally {
      clearTimeout(timer)
    }
  }
}
