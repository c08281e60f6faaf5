import type {
  ActionCacheEntry,
  ActionCacheRecord,
  ActionKey,
  Digest,
  OperationOptions,
  UpdateOptions,
} from '@caskade/core'
import { ActionCacheABC, assertEntry, inSlices } from '@caskade/core'
import { entryCostBytes } from './entry-records.ts'
import type { SqliteOptions } from './sqlite-options.ts'
import { SqliteStore } from './sqlite-store.ts'
import type { Transaction } from './write-queue.ts'

/** How many entries are read from the database at once when all are listed. */
const PAGE_SIZE = 100

/** Keeps action-cache entries in the SQLite database of a folder, under the same quota as its blobs. */
export class SqliteActionCache extends ActionCacheABC {
  static override readonly TYPE = 'Sqlite'

  readonly #store: SqliteStore

  /** `store` lets both halves of a backend share one open folder. */
  constructor(options: SqliteOptions, store: SqliteStore = new SqliteStore(options)) {
    super()
    this.#store = store
  }

  protected override onStart(): Promise<void> {
    return this.#store.start()
  }

  protected override onStop(): Promise<void> {
    return this.#store.stop()
  }

  override async get(key: ActionKey, { signal }: OperationOptions = {}): Promise<ActionCacheEntry | null> {
    this.assertReady(key, signal)
    const record = this.#store.entries.find(key)
    if (record === undefined) return null
    if (this.#store.accessLog.useEntry(record)) await this.#keepReferences(record.entry, signal)
    return record.entry
  }

  override async update(
    key: ActionKey,
    entry: ActionCacheEntry,
    { ifAbsent = false, signal }: UpdateOptions = {},
  ): Promise<boolean> {
    this.assertReady(key, signal)
    assertEntry(entry)
    // The caller may write to its bytes before the transaction runs.
    const kept = { ...entry, bytes: Uint8Array.from(entry.bytes) }
    const costBytes = entryCostBytes(key, kept)
    const put = (transaction: Transaction): boolean => this.#put(transaction, key, kept, costBytes, ifAbsent)
    const need = { bytes: costBytes, destination: 'row' } as const
    return this.holding(() => this.#store.disk.use(costBytes, 'row', () => this.#store.writeWithRoom(need, put)))
  }

  override async delete(key: ActionKey, { signal }: OperationOptions = {}): Promise<void> {
    this.assertReady(key, signal)
    await this.holding(() => this.#store.write((transaction) => this.#remove(transaction, key)))
  }

  override async *list(
    namespacePrefix: string,
    { signal }: OperationOptions = {},
  ): AsyncGenerator<ActionCacheRecord, void, undefined> {
    for (let last = 0; ;) {
      this.assertRunning(signal)
      const page = this.#store.entries.page(last, namespacePrefix, PAGE_SIZE)
      for (const { key, entry } of page) yield { key, entry }
      if (page.length < PAGE_SIZE) return
      last = page.at(-1)?.id ?? last
    }
  }

  /** Counts a use of an entry as one of its blobs, later than that of the entry, so that it is evicted before them. */
  async #keepReferences({ references }: ActionCacheEntry, signal: AbortSignal | undefined): Promise<void> {
    const keep = (digest: Digest): void => {
      const blob = this.#store.blobs.find(digest)
      if (blob !== undefined) this.#store.accessLog.keepBlob(blob.id)
    }
    const beforeSlice = (): void => this.assertRunning(signal)
    await inSlices(references, keep, { beforeSlice, within: (slice) => this.#store.read(slice) })
  }

  #put(
    transaction: Transaction,
    key: ActionKey,
    entry: ActionCacheEntry,
    costBytes: number,
    ifAbsent: boolean,
  ): boolean {
    const { entries, clock, blobs, accessLog } = this.#store
    if (ifAbsent && entries.findAge(key) !== undefined) return false
    this.#remove(transaction, key)
    entries.insert(key, entry, costBytes, clock.next())
    transaction.usedBytes += costBytes
    transaction.rowBytes += costBytes
    // Later than the entry itself, so that the entry is evicted before the blobs it references.
    const stored = entry.references.map((digest) => blobs.find(digest)).filter((blob) => blob !== undefined)
    accessLog.keepBlobsNow(stored.map(({ id }) => id))
    return true
  }

  #remove(transaction: Transaction, key: ActionKey): void {
    const age = this.#store.entries.findAge(key)
    if (age === undefined) return
    this.#store.entries.remove(age.id)
    transaction.usedBytes -= age.costBytes
  }
}
