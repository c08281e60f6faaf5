import type { ActionCacheEntry, ActionCacheRecord, ActionKey, OperationOptions, UpdateOptions } from '@caskade/core'
import { ActionCacheABC, assertEntry } from '@caskade/core'

/** The plainest action cache that keeps every rule: a map. Programs use `@caskade/memory`. */
export class ReferenceActionCache extends ActionCacheABC {
  static override readonly TYPE: string = 'Reference'

  /** What is stored, by the key as JSON. */
  readonly records: Map<string, ActionCacheRecord>

  /** Give the same map to two action caches to have one remember the other's entries. */
  constructor(records: Map<string, ActionCacheRecord> = new Map()) {
    super()
    this.records = records
  }

  override async get(key: ActionKey, { signal }: OperationOptions = {}): Promise<ActionCacheEntry | null> {
    this.assertReady(key, signal)
    return this.records.get(nameOf(key))?.entry ?? null
  }

  override async update(
    key: ActionKey,
    entry: ActionCacheEntry,
    { ifAbsent = false, signal }: UpdateOptions = {},
  ): Promise<boolean> {
    this.assertReady(key, signal)
    assertEntry(entry)
    const name = nameOf(key)
    if (ifAbsent && this.records.has(name)) return false
    this.records.set(name, { key, entry: { ...entry, bytes: Uint8Array.from(entry.bytes) } })
    return true
  }

  override async delete(key: ActionKey, { signal }: OperationOptions = {}): Promise<void> {
    this.assertReady(key, signal)
    this.records.delete(nameOf(key))
  }

  override async *list(
    namespacePrefix: string,
    { signal }: OperationOptions = {},
  ): AsyncGenerator<ActionCacheRecord, void, undefined> {
    this.assertRunning(signal)
    for (const record of this.records.values()) if (record.key.namespace.startsWith(namespacePrefix)) yield record
  }
}

function nameOf({ namespace, key }: ActionKey): string {
  return JSON.stringify([namespace, key])
}
