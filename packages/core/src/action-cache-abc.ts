import type { Digest } from './digest.ts'
import { assertDigest } from './digest.ts'
import { Lifecycle } from './lifecycle.ts'
import type { OperationOptions } from './operation-options.ts'
import { StorageError } from './storage-error.ts'

/** Names an entry of an action cache. */
export interface ActionKey {
  /** Protocol family, digest function and instance name, such as `reapi:sha256:main`; entries of different namespaces never meet. */
  readonly namespace: string
  /** The key within it: an action's hash, or whatever the tool uses. */
  readonly key: string
}

/** What an action cache holds under a key: a small value, and what it refers to. */
export interface ActionCacheEntry {
  /** The value, at most {@link MAX_ENTRY_BYTES} long; it may be empty. Longer ones are stored as blobs, see `putEntryValue`. */
  readonly bytes: Uint8Array
  /** The blobs that the value names; they are stored before the entry and evicted after it. */
  readonly references: readonly Digest[]
  /** Short strings that travel with the value. */
  readonly metadata: Readonly<Record<string, string>>
}

/** An entry together with its key, as {@link ActionCacheABC.list} reports it. */
export interface ActionCacheRecord {
  readonly key: ActionKey
  readonly entry: ActionCacheEntry
}

/** What `update` accepts. */
export interface UpdateOptions extends OperationOptions {
  /** Stores the entry only when there is none. Default: false, which overwrites. */
  readonly ifAbsent?: boolean | undefined
}

/** The longest value an entry may hold, in bytes. */
export const MAX_ENTRY_BYTES: number = 64 * 1024

/** The longest namespace, and the longest key, in UTF-16 code units. */
export const MAX_KEY_LENGTH = 1024

/**
 * The mutable half of a backend: what Bazel calls action results, and what other tools key by the hash of a task.
 *
 * As in a storage, absence is an answer and a failure is an error.
 */
export abstract class ActionCacheABC extends Lifecycle {
  /** Names the kind of action cache in metrics and logs, such as `Memory`. */
  static readonly TYPE: string

  /** Resolves to the entry, or to null when there is none. Counts as use. */
  abstract get(key: ActionKey, options?: OperationOptions): Promise<ActionCacheEntry | null>

  /**
   * Stores an entry, replacing an older one. Resolves to false when there is one already and `ifAbsent` was asked.
   *
   * @throws StorageError `too-large` for more than {@link MAX_ENTRY_BYTES}.
   */
  abstract update(key: ActionKey, entry: ActionCacheEntry, options?: UpdateOptions): Promise<boolean>

  /** Removes an entry; succeeds when there is none. */
  abstract delete(key: ActionKey, options?: OperationOptions): Promise<void>

  /** Lists the entries whose namespace starts with the prefix, in no particular order. */
  abstract list(namespacePrefix: string, options?: OperationOptions): AsyncIterable<ActionCacheRecord>

  /**
   * Begins an operation on a key; every method of a provider calls it first.
   *
   * @throws StorageError `not-running`, or `invalid-argument` for an unusable key; the signal's reason when aborted.
   */
  protected assertReady(key: ActionKey, signal: AbortSignal | undefined): void {
    this.assertRunning(signal)
    assertKeyPart('namespace', key.namespace)
    assertKeyPart('key', key.key)
  }
}

/** Checks an entry that is about to be stored; every provider's `update` does so. */
export function assertEntry({ bytes, references, metadata }: ActionCacheEntry): void {
  if (bytes.byteLength > MAX_ENTRY_BYTES) {
    const message = `update: the value has ${bytes.byteLength} bytes, at most ${MAX_ENTRY_BYTES} fit; store it as a blob`
    throw new StorageError('too-large', message)
  }
  for (const digest of references) assertDigest(digest)
  for (const [name, value] of Object.entries(metadata)) {
    if (typeof value !== 'string')
      throw new StorageError('invalid-argument', `update: metadata ${name} is not a string`)
  }
}

/**
 * Returns a string that is equal exactly for the same key in the same namespace: neither holds a NUL. It also decides which
 * shard an entry belongs to, so it must never change.
 */
export function actionKeyString({ namespace, key }: ActionKey): string {
  return `${namespace}\0${key}`
}

function assertKeyPart(name: string, value: string): void {
  if (typeof value === 'string' && value.length > 0 && value.length <= MAX_KEY_LENGTH && !value.includes('\0')) return
  const message = `action cache: the ${name} must be a string of 1 to ${MAX_KEY_LENGTH} characters without NUL`
  throw new StorageError('invalid-argument', message)
}
