import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Digest } from './digest.ts'

/** Something that a storage noticed and dealt with by itself, so that no caller hears of it. */
export interface StorageEvent {
  /**
   * - `corrupt`: damaged content was found and dropped.
   * - `cache-failure`: the cache half of a WithCache failed; the operation went on without it.
   * - `copy-failure`: a Sharded could not copy something to the shard that owns it now; the next use of it tries again.
   * - `cleanup-failure`: something that is no longer needed could not be removed; it is tried again later.
   */
  readonly kind: 'corrupt' | 'cache-failure' | 'copy-failure' | 'cleanup-failure'
  /** `TYPE` of the storage that noticed it. */
  readonly storageType: string
  /** What was being done, such as `getBlob`. */
  readonly operation: string
  readonly digest?: Digest | undefined
  readonly error?: unknown
}

const CHANNEL = 'caskade:storage'
const events = channel(CHANNEL)

/** Publishes an event on the diagnostics channel `caskade:storage`; costs nothing while nobody listens. */
export function reportEvent(event: StorageEvent): void {
  if (events.hasSubscribers) events.publish(event)
}

/** Listens to the events of every storage in this process. Returns a function that ends the listening. */
export function onStorageEvent(listener: (event: StorageEvent) => void): () => void {
  const receive = (message: unknown): void => listener(message as StorageEvent)
  subscribe(CHANNEL, receive)
  return () => {
    unsubscribe(CHANNEL, receive)
  }
}
