import type {
  ActionCacheABC,
  ActionCacheEntry,
  ActionCacheRecord,
  ActionKey,
  UpdateOptions,
} from '../action-cache-abc.ts'
import { actionKeyString } from '../action-cache-abc.ts'
import type { DeferredWrites } from '../deferred/deferred-writes.ts'
import type { OperationOptions } from '../operation-options.ts'
import { StorageError } from '../storage-error.ts'
import { KeyedLock } from './keyed-lock.ts'
import { refusal } from './refusal.ts'

/** The half of a WithCacheActionCache that counts: the fallback, and what is durably on its way there. */
export class FallbackEntries {
  readonly #fallback: ActionCacheABC
  readonly #deferred: DeferredWrites | undefined
  readonly #locks = new KeyedLock()

  constructor(fallback: ActionCacheABC, deferred: DeferredWrites | undefined) {
    this.#fallback = fallback
    this.#deferred = deferred
  }

  async update(key: ActionKey, entry: ActionCacheEntry, options: UpdateOptions): Promise<boolean> {
    if (this.#deferred === undefined) return this.#fallback.update(key, entry, options)
    const deferred = this.#deferred
    if (options.ifAbsent !== true) return this.#update(deferred, key, entry, options)
    // Two at a time would both find nothing.
    return this.#locks.run(actionKeyString(key), async () => {
      const present = (await deferred.getEntry(key)) ?? (await this.#fallback.get(key, { signal: options.signal }))
      return present === null ? this.#update(deferred, key, entry, options) : false
    })
  }

  async delete(key: ActionKey, options: OperationOptions): Promise<void> {
    const hold = await this.#deferred?.holdEntry(key)
    try {
      await this.#fallback.delete(key, options)
      await hold?.cancel()
    } finally {
      hold?.release()
    }
  }

  async *list(namespacePrefix: string, options: OperationOptions): AsyncGenerator<ActionCacheRecord, void, undefined> {
    const pending = new Set<string>()
    for await (const record of this.#deferred?.entries(namespacePrefix) ?? []) {
      pending.add(actionKeyString(record.key))
      yield record
    }
    for await (const record of this.#fallback.list(namespacePrefix, options)) {
      if (!pending.has(actionKeyString(record.key))) yield record
    }
  }

  async #update(
    deferred: DeferredWrites,
    key: ActionKey,
    entry: ActionCacheEntry,
    options: UpdateOptions,
  ): Promise<boolean> {
    if (await deferred.addEntry(key, entry, options)) return true
    if (deferred.mustFollow(entry.references)) {
      const reason = 'blobs that it references are still on their way to the fallback'
      throw refusal(deferred, new StorageError('unavailable', reason), options)
    }
    // An older one that is still on its way must not arrive after this one.
    const hold = await deferred.holdEntry(key)
    try {
      const isStored = await this.#fallback.update(key, entry, options)
      // Given up in any case; should the journal not learn of it, only a crash could bring the older one back.
      if (isStored) await hold.cancel().catch(() => undefined)
      return isStored
    } catch (error) {
      throw refusal(deferred, error, options)
    } finally {
      hold.release()
    }
  }
}
