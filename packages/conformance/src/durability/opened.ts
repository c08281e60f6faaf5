import type { ActionCacheABC, Backend, StorageABC } from '@caskade/core'
import { startAll, stopAll } from '@caskade/core'

/** What a durability check works on: a storage, or a backend whose entries name blobs. Not started. */
export type Openable = StorageABC | Backend

/** The halves of what is open; started, until it is stopped. */
export interface Opened {
  readonly storage: StorageABC
  readonly actionCache: ActionCacheABC | undefined
  stop(): Promise<void>
}

/** Starts a storage, or both halves of a backend. */
export async function start(openable: Openable): Promise<Opened> {
  const storage = 'storage' in openable ? openable.storage : openable
  const actionCache = 'storage' in openable ? openable.actionCache : undefined
  const parts = actionCache === undefined ? [storage] : [storage, actionCache]
  await startAll(parts)
  return { storage, actionCache, stop: () => stopAll(parts) }
}
