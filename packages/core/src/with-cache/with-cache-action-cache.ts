import type { ActionCacheEntry, ActionCacheRecord, ActionKey, UpdateOptions } from '../action-cache-abc.ts'
import { ActionCacheABC, assertEntry } from '../action-cache-abc.ts'
import type { DeferredWrites, DeferredWritesStatus } from '../deferred/deferred-writes.ts'
import { startAll, stopAll } from '../lifecycle.ts'
import type { OperationOptions } from '../operation-options.ts'
import { CacheGuard } from './cache-guard.ts'
import { FallbackEntries } from './fallback-entries.ts'
import type { WithCacheTuning } from './with-cache-options.ts'
import { deferredWritesOf, resolveTuning } from './with-cache-options.ts'

/** What a {@link WithCacheActionCache} is made of. */
export interface WithCacheActionCacheOptions extends WithCacheTuning {
  /** Answers only while its copy is younger than `maxStaleMs`. */
  readonly cache: ActionCacheABC
  /** Holds the entries that count. */
  readonly fallback: ActionCacheABC
  /** Deferred writes shared with a storage, so that entries follow their blobs. Default: its own, if it defers. */
  readonly deferredWrites?: DeferredWrites | undefined
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
 * tools take as a miss. Writes and deletes reach the fallback before they resolve, or with `deferFallbackWrites` the
 * journal; an entry reaches the fallback after the blobs that it references.
 */
export class WithCacheActionCache extends ActionCacheABC {
  static override readonly TYPE = 'WithCache'

  readonly #cache: ActionCacheABC
  readonly #fallback: ActionCacheABC
  readonly #deferred: DeferredWrites | undefined
  readonly #entries: FallbackEntries
  readonly #guard: CacheGuard
  readonly #maxStaleMs: number
  readonly #now: () => number

  constructor({ cache, fallback, deferredWrites, now = Date.now, ...rest }: WithCacheActionCacheOptions) {
    super()
    const tuning = resolveTuning(rest)
    const { cacheTimeoutMs, cacheRetryMs, maxStaleMs } = tuning
    this.#cache = cache
    this.#fallback = fallback
    this.#deferred = deferredWrites ?? deferredWritesOf(tuning)
    this.#entries = new FallbackEntries(fallback, this.#deferred)
    this.#guard = new CacheGuard(WithCacheActionCache.TYPE, { timeoutMs: cacheTimeoutMs, retryAfterMs: cacheRetryMs })
    this.#maxStaleMs = maxStaleMs
    this.#now = now
  }

  /** What waits to reach the fallback; undefined without `deferFallbackWrites`, or while it does not run. */
  get deferredStatus(): DeferredWritesStatus | undefined {
    return this.#deferred?.status
  }

  /** Waits until every deferred write accepted so far has reached the fallback, however long that takes. */
  async flush(options: OperationOptions = {}): Promise<void> {
    this.assertRunning(options.signal)
    await this.#deferred?.flush(options)
  }

  protected override async onStart(): Promise<void> {
    await startAll([this.#cache, this.#fallback, ...(this.#deferred ? [this.#deferred] : [])])
    this.#deferred?.attachActionCache(this.#fallback)
  }

  protected override async onStop(): Promise<void> {
    await this.#deferred?.detachActionCache()
    await stopAll([this.#cache, this.#fallback, ...(this.#deferred ? [this.#deferred] : [])])
  }

  override async get(key: ActionKey, options: OperationOptions = {}): Promise<ActionCacheEntry | null> {
    this.assertReady(key, options.signal)
    const pending = await this.#deferred?.getEntry(key)
    if (pending) return pending
    const cached = await this.#askCache('get', () => this.#cache.get(key, options), options)
    if (cached && this.#isCurrent(cached)) return withoutTime(cached)
    const entry = await this.#fallback.get(key, options)
    if (entry !== null) await this.#remember(key, entry, options)
    return entry
  }

  override async update(key: ActionKey, entry: ActionCacheEntry, options: UpdateOptions = {}): Promise<boolean> {
    this.assertReady(key, options.signal)
    assertEntry(entry)
    const isStored = await this.#entries.update(key, entry, options)
    if (isStored) await this.#remember(key, entry, options)
    return isStored
  }

  override async delete(key: ActionKey, options: OperationOptions = {}): Promise<void> {
    this.assertReady(key, options.signal)
    await this.#entries.delete(key, options)
    await this.#askCache('delete', () => this.#cache.delete(key, options), options)
  }

  override async *list(
    namespacePrefix: string,
    options: OperationOptions = {},
  ): AsyncGenerator<ActionCacheRecord, void, undefined> {
    this.assertRunning(options.signal)
    yield* this.#entries.list(namespacePrefix, options)
  }

  #isCurrent({ metadata }: ActionCacheEntry): boolean {
    const age = this.#now() - Number(metadata[CURRENT_AT])
    return age >= 0 && age < this.#maxStaleMs
  }

  async #remember(key: ActionKey, entry: ActionCacheEntry, options: OperationOptions): Promise<void> {
    const copy = { ...entry, metadata: { ...entry.metadata, [CURRENT_AT]: String(this.#now()) } }
    await this.#askCache('update', () => this.#cache.update(key, copy, { signal: options.signal }), options)
  }

  /** Asks the cache for something, unless it is never to answer. */
  async #askCache<Result>(
    operation: string,
    ask: () => Promise<Result>,
    { signal }: OperationOptions,
  ): Promise<Result | undefined> {
    return this.#maxStaleMs === 0 ? undefined : this.#guard.ask(operation, ask, { signal })
  }
}

function withoutTime({ metadata, ...entry }: ActionCacheEntry): ActionCacheEntry {
  const { [CURRENT_AT]: _, ...rest } = metadata
  return { ...entry, metadata: rest }
}
