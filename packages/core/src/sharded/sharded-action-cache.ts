import type { ActionCacheEntry, ActionCacheRecord, ActionKey, UpdateOptions } from '../action-cache-abc.ts'
import { ActionCacheABC, actionKeyString, assertEntry } from '../action-cache-abc.ts'
import { startAll, stopAll } from '../lifecycle.ts'
import { mapLimit } from '../map-limit.ts'
import type { OperationOptions } from '../operation-options.ts'
import { attemptAll } from './attempt-all.ts'
import { BackgroundCopies } from './background-copies.ts'
import { listShards } from './list-shards.ts'
import type { Owners, ShardWeights } from './shard-router.ts'
import { ShardRouter } from './shard-router.ts'

/** What a {@link ShardedActionCache} is made of. */
export interface ShardedActionCacheOptions extends ShardWeights {
  /** The action caches by name. The names decide what belongs where: one that is renamed is a new shard. */
  readonly shards: Readonly<Record<string, ActionCacheABC>>
}

/** How many entries are looked up at once while all are listed. */
const LOOKUP_CONCURRENCY = 16

/**
 * Spreads entries over several action caches by namespace and key, as `ShardedStorage` spreads blobs.
 *
 * While `previousWeights` is set, an entry that its owner has not is answered from the shard that owned it before, and
 * copied in the background, never over a newer one. Since updates reach the present owner alone, an entry that was
 * updated and then evicted there can be answered as it was before. With `ifAbsent`, an entry at the earlier shard counts.
 */
export class ShardedActionCache extends ActionCacheABC {
  static override readonly TYPE = 'Sharded'

  readonly #router: ShardRouter<ActionCacheABC>
  readonly #copies = new BackgroundCopies({
    storageType: ShardedActionCache.TYPE,
    isRunning: () => this.isRunning,
    hold: () => this.hold(),
  })

  /** @throws StorageError `invalid-argument` for no shards, weights of unknown shards, negative ones, or none above 0. */
  constructor({ shards, ...weights }: ShardedActionCacheOptions) {
    super()
    this.#router = new ShardRouter(shards, weights)
  }

  protected override onStart(): Promise<void> {
    return startAll(this.#router.children)
  }

  protected override onStop(): Promise<void> {
    this.#copies.endAll()
    return stopAll(this.#router.children)
  }

  override async get(key: ActionKey, options: OperationOptions = {}): Promise<ActionCacheEntry | null> {
    this.assertReady(key, options.signal)
    const entry = await this.#ownersOf(key).present.get(key, options)
    return entry ?? this.#getEarlier(key, options)
  }

  override async update(key: ActionKey, entry: ActionCacheEntry, options: UpdateOptions = {}): Promise<boolean> {
    this.assertReady(key, options.signal)
    assertEntry(entry)
    const { ifAbsent = false, signal } = options
    if (ifAbsent && (await this.#getEarlier(key, { signal })) !== null) return false
    return this.#ownersOf(key).present.update(key, entry, options)
  }

  override async delete(key: ActionKey, options: OperationOptions = {}): Promise<void> {
    this.assertReady(key, options.signal)
    const { present, previous } = this.#ownersOf(key)
    const owners = previous === undefined ? [present] : [present, previous]
    await this.#copies.without([actionKeyString(key)], options, () =>
      attemptAll(
        owners.map((owner) => owner.delete(key, options)),
        options,
      ),
    )
  }

  /** While `previousWeights` is set, this asks the present owners for what was listed elsewhere, which counts as use. */
  override async *list(
    namespacePrefix: string,
    options: OperationOptions = {},
  ): AsyncGenerator<ActionCacheRecord, void, undefined> {
    this.assertRunning(options.signal)
    yield* listShards<ActionCacheABC, ActionCacheRecord>({
      children: this.#router.children,
      isResharding: this.#router.isResharding,
      list: (child) => child.list(namespacePrefix, options),
      ownersOf: ({ key }) => this.#ownersOf(key),
      notYetCopied: async (records) => {
        const present = await mapLimit(records, LOOKUP_CONCURRENCY, ({ key }) =>
          this.#ownersOf(key).present.get(key, options),
        )
        return records.filter((_, index) => present[index] === null)
      },
    })
  }

  /** Looks where the key belonged before, and has what is there copied. */
  async #getEarlier(key: ActionKey, options: OperationOptions): Promise<ActionCacheEntry | null> {
    const { present, previous } = this.#ownersOf(key)
    if (previous === undefined) return null
    const entry = await previous.get(key, options)
    if (entry !== null) {
      this.#copies.add({ key: actionKeyString(key), run: (signal) => copyEntry(key, previous, present, signal) })
    }
    return entry
  }

  #ownersOf(key: ActionKey): Owners<ActionCacheABC> {
    return this.#router.ownersOf(actionKeyString(key))
  }
}

/** Copies an entry unless there is one already. The signal ends the reading only: a write that has begun is waited for. */
async function copyEntry(key: ActionKey, from: ActionCacheABC, to: ActionCacheABC, signal: AbortSignal): Promise<void> {
  const entry = await from.get(key, { signal })
  signal.throwIfAborted()
  if (entry !== null) await to.update(key, entry, { ifAbsent: true })
}
