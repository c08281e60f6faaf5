import type { ActionCacheEntry, ActionCacheRecord, ActionKey, OperationOptions, UpdateOptions } from '@caskade/core'
import { ActionCacheABC, assertEntry } from '@caskade/core'
import type { FsOptions } from './fs-options.ts'
import { FsStore } from './fs-store.ts'

/** Keeps action-cache entries as plain files in a folder, under the same quota as its blobs. */
export class FsActionCache extends ActionCacheABC {
  static override readonly TYPE = 'Fs'

  readonly #store: FsStore

  /** `store` lets both halves of a backend share one open folder. */
  constructor(options: FsOptions, store: FsStore = new FsStore(options)) {
    super()
    this.#store = store
  }

  protected override onStart(): Promise<void> {
    return this.#store.start()
  }

  protected override onStop(): Promise<void> {
    return this.#store.stop()
  }

  override async get(key: ActionKey, { signal }: OperationOptions = {}): Promise<ActionCacheEntry | null> {
    this.assertReady(key, signal)
    return this.holding(() => this.#store.running.entries.get(key))
  }

  override async update(
    key: ActionKey,
    entry: ActionCacheEntry,
    { ifAbsent = false, signal }: UpdateOptions = {},
  ): Promise<boolean> {
    this.assertReady(key, signal)
    assertEntry(entry)
    return this.holding(() => this.#store.running.entries.update(key, entry, { ifAbsent }))
  }

  override async delete(key: ActionKey, { signal }: OperationOptions = {}): Promise<void> {
    this.assertReady(key, signal)
    await this.holding(() => this.#store.running.entries.remove(key))
  }

  override async *list(
    namespacePrefix: string,
    { signal }: OperationOptions = {},
  ): AsyncGenerator<ActionCacheRecord, void, undefined> {
    this.assertRunning(signal)
    yield* this.#store.running.entries.list(namespacePrefix, () => this.assertRunning(signal))
  }
}
