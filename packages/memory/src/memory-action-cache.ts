import type { ActionCacheEntry, ActionCacheRecord, ActionKey, OperationOptions, UpdateOptions } from '@caskade/core'
import { ActionCacheABC, actionKeyString, assertEntry } from '@caskade/core'
import { LruTable } from './lru-table.ts'
import type { MemoryItem } from './memory-item.ts'
import type { MemoryOptions } from './memory-options.ts'

/** What a reference to a blob costs in memory, in bytes. */
const REFERENCE_BYTES = 160

/** Keeps action-cache entries in the memory of this process, evicting the least recently used. */
export class MemoryActionCache extends ActionCacheABC {
  static override readonly TYPE = 'Memory'

  readonly #table: LruTable<MemoryItem>

  /** `table` lets several halves share one quota. */
  constructor(options: MemoryOptions = {}, table: LruTable<MemoryItem> = new LruTable(options)) {
    super()
    this.#table = table
  }

  override async get(key: ActionKey, { signal }: OperationOptions = {}): Promise<ActionCacheEntry | null> {
    this.assertReady(key, signal)
    const item = this.#table.find(actionKeyString(key))?.value
    if (item?.kind !== 'entry') return null
    this.#touch(actionKeyString(key), item.entry)
    return item.entry
  }

  override async update(
    key: ActionKey,
    entry: ActionCacheEntry,
    { ifAbsent = false, signal }: UpdateOptions = {},
  ): Promise<boolean> {
    this.assertReady(key, signal)
    assertEntry(entry)
    const name = actionKeyString(key)
    if (ifAbsent && this.#table.find(name) !== undefined) return false
    const kept = { ...entry, bytes: Uint8Array.from(entry.bytes), references: [...entry.references] }
    const sizeBytes = entrySizeBytes(name, kept)
    this.#table.reserve(sizeBytes)()
    this.#table.set(name, { kind: 'entry', key, entry: kept }, sizeBytes)
    this.#touch(name, kept)
    return true
  }

  override async delete(key: ActionKey, { signal }: OperationOptions = {}): Promise<void> {
    this.assertReady(key, signal)
    this.#table.delete(actionKeyString(key))
  }

  override async *list(
    namespacePrefix: string,
    { signal }: OperationOptions = {},
  ): AsyncGenerator<ActionCacheRecord, void, undefined> {
    this.assertRunning(signal)
    for (const item of this.#table.values()) {
      if (item.kind === 'entry' && item.key.namespace.startsWith(namespacePrefix)) yield item
    }
  }

  /** Counts as use of the entry and then of its blobs, so that the entry goes before them. */
  #touch(name: string, { references }: ActionCacheEntry): void {
    this.#table.use(name)
    for (const digest of references) this.#table.use(digest)
  }
}

function entrySizeBytes(name: string, { bytes, references, metadata }: ActionCacheEntry): number {
  let sizeBytes = bytes.byteLength + name.length * 2 + references.length * REFERENCE_BYTES
  for (const [metadataName, value] of Object.entries(metadata)) sizeBytes += (metadataName.length + value.length) * 2
  return sizeBytes
}
