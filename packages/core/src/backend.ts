import type { ActionCacheABC } from './action-cache-abc.ts'
import type { StorageABC } from './storage-abc.ts'

/** Both halves of a cache: immutable blobs, and the entries that name them. Each half is started and stopped by itself. */
export interface Backend {
  readonly storage: StorageABC
  readonly actionCache: ActionCacheABC
}
