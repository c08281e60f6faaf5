import type { ActionCacheRecord, Digest } from '@caskade/core'

/** A blob in memory. */
export interface BlobItem {
  readonly kind: 'blob'
  readonly digest: Digest
  readonly bytes: Uint8Array
}

/** An action-cache entry in memory. */
interface EntryItem extends ActionCacheRecord {
  readonly kind: 'entry'
}

/** What a memory backend holds: both halves share one table, and so one quota and one order of eviction. */
export type MemoryItem = BlobItem | EntryItem
