import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Digest } from './digest.ts'

/** Something that a storage noticed and dealt with by itself, so that no caller hears of it. */
export interface StorageEvent {
  /**
   * - `corrupt`: damaged content was found and dropped.
   * - `cache-failure`: the cache half of a WithCache failed; the operation went on without it.
   * - `cache-disabled`: the cache half of a WithCache does not work and is left alone for a while.
   * - `cache-enabled`: it works again.
   * - `spool-failure`: a blob could not be spooled to disk on its way to several readers; the slowest sets the pace.
   * - `touch-failure`: it could not be recorded which blobs are in use, or the fallback of a WithCache not be told.
   * - `deferred-failure`: a deferred write could not be journalled, or not brought to the fallback; it is tried again.
   * - `copy-failure`: a Sharded could not copy something to the shard that owns it now; the next use of it tries again.
   * - `cleanup-failure`: something that is no longer needed could not be removed; it is tried again later.
   * - `scrub-failure`: a blob could not be checked, or not be healed; the next round tries again.
   * - `lease-refusal`: a write was refused because the quota is full of what was used within the lease.
   * - `stop-deadline`: `stop()` waited in vain for a reader or an operation, and stopped regardless.
   */
  readonly kind:
    | 'corrupt'
    | 'cache-failure'
    | 'cache-disabled'
    | 'cache-enabled'
    | 'spool-failure'
    | 'touch-failure'
    | 'deferred-failure'
    | 'copy-failure'
    | 'cleanup-failure'
    | 'scrub-failure'
    | 'lease-refusal'
    | 'stop-deadline'
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
