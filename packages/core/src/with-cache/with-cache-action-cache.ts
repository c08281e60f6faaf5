import type { ActionCacheEntry, ActionCacheRecord, ActionKey, UpdateOptions } from '../action-cache-abc.ts'
import { ActionCacheABC } from '../action-cache-abc.ts'
import { startAll, stopAll } from '../lifecycle.ts'
import type { OperationOptions } from '../operation-options.ts'
import { reportEvent } from '../storage-events.ts'
import type { WithCacheTuning } from './with-cache-options.ts'
import { assertTuning } from './with-cache-options.ts'

/** What a {@link WithCacheActionCache} is made of. */
export interface WithCacheActionCacheOptions extends WithCacheTuning {
  /** Answers only while its copy is younger than `maxStaleMs`. */
  readonly cache: ActionCacheABC
  /** Holds the entries that count. */
  readonly fallback: ActionCacheABC
  /** The present time in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** The metadata name under which the cache's copy of an entry keeps the time at which it was current. */
const CURRENT_AT = 'caskade-current-at'

/**
 * Puts a fast action cache in front of a slow one.
 *
 * Entries can be overwritten by others at any time, so by default (`maxStaleMs: 0`) the fallback answers every time and
 * the cache is not used. Allow some staleness where asking the fallback costs more than an outdated answer, which the
 * tools take as a miss. Writes and deletes reach the fallback before they resolve.
 */
export class WithCacheActionCache extends ActionCacheABC {
  static override readonly TYPE = 'WithCache'

  readonly #cache: ActionCacheABC
  readonly #fallback: ActionCacheABC
  readonly #maxStaleMs: number
  readonly #now: () => number

  constructor({ cache, fallback, now = Date.now, ...tuning }: WithCacheActionCacheOptions) {
    super()
    assertTuning(tuning)
    this.#cache = cache
    this.#fallback = fallback
    this.#maxStaleMs = tuning.maxStaleMs ?? 0
    this.#now = now
  }

  protected override onStart(): Promise<void> {
    return startAll([this.#cache, this.#fallback])
  }

  protected override onStop(): Promise<void> {
    return stopAll([this.#cache, this.#fallback])
  }

  override async get(key: ActionKey, options: OperationOptions = {}): Promise<ActionCacheEntry | null> {
    this.assertReady(key, options.signal)
    const cached = await this.#tryCache('get', options, () => this.#cache.get(key, options))
    if (cached && this.#isCurrent(cached)) return withoutTime(cached)
    const entry = await this.#fallback.get(key, options)
    if (entry !== null) await this.#remember(key, entry, options)
    return entry
  }

  override async update(key: ActionKey, entry: ActionCacheEntry, options: UpdateOptions = {}): Promise<boolean> {
    this.assertReady(key, options.signal)
    const isStored = await this.#fallback.update(key, entry, options)
    if (isStored) await this.#remember(key, entry, options)
    return isStored
  }

  override async delete(key: ActionKey, options: OperationOptions = {}): Promise<void> {
    this.assertReady(key, options.signal)
    await this.#fallback.delete(key, options)
    await this.#tryCache('delete', options, () => this.#cache.delete(key, options))
  }

  override async *list(
    namespacePrefix: string,
    options: OperationOptions = {},
  ): AsyncGenerator<ActionCacheRecord, void, undefined> {
    this.assertRunning(options.signal)
    yield* this.#fallback.list(namespacePrefix, options)
  }

  #isCurrent({ metadata }: ActionCacheEntry): boolean {
    const age = this.#now() - Number(metadata[CURRENT_AT])
    return age >= 0 && age < this.#maxStaleMs
  }

  async #remember(key: ActionKey, entry: ActionCacheEntry, { signal }: OperationOptions): Promise<void> {
    const copy = { ...entry, metadata: { ...entry.metadata, [CURRENT_AT]: String(this.#now()) } }
    await this.#tryCache('update', { signal }, () => this.#cache.update(key, copy, { signal }))
  }

  /** Asks the cache for something, unless it is never to answer; a failure is reported and resolves to undefined. */
  async #tryCache<Result>(
    operation: string,
    { signal }: OperationOptions,
    ask: () => Promise<Result>,
  ): Promise<Result | undefined> {
    if (this.#maxStaleMs === 0) return undefined
    try {
      return await ask()
    } catch (error) {
      signal?.throwIfAborted()
      reportEvent({ kind: 'cache-failure', storageType: WithCacheActionCache.TYPE, operation, error })
      return undefined
    }
  }
}

function withoutTime({ metadata, ...entry }: ActionCacheEntry): ActionCacheEntry {
  const { [CURRENT_AT]: _, ...rest } = metadata
  return { ...entry, metadata: rest }
}
