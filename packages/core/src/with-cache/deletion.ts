import { abortable } from '../abortable.ts'
import type { Digest } from '../digest.ts'
import type { OperationOptions } from '../operation-options.ts'
import type { CacheTier } from './cache-tier.ts'
import type { FetchRegistry } from './fetch-registry.ts'
import type { Exclusion, FillRegistry } from './fill-registry.ts'

/** What a {@link Deletion} works with. */
export interface DeletionOptions {
  readonly tier: CacheTier
  readonly fills: FillRegistry
  readonly fetches: FetchRegistry
  /** Keeps the storage from stopping until the returned function is called. */
  readonly hold: () => () => void
}

/**
 * Deletes blobs where they count, then from the cache.
 *
 * From its beginning to its end the cache is not asked for them and nothing brings them there, so that everybody sees
 * them go at the moment at which the fallback lets them go.
 */
export class Deletion {
  readonly #options: DeletionOptions

  constructor(options: DeletionOptions) {
    this.#options = options
  }

  async run<Result>(
    digests: readonly Digest[],
    deleteFromFallback: () => Promise<Result>,
    { signal }: OperationOptions,
  ): Promise<Result> {
    const { fills, fetches, hold } = this.#options
    const exclusion = fills.exclude(digests)
    const release = hold()
    fetches.forget(digests)
    const deleting = deleteFromFallback()
    // Even when it failed, or the caller gives up: the fallback may have done it, and the cache can do without.
    const cleaned = deleting
      .then(undefined, () => undefined)
      .then(() => this.#clean(digests, exclusion))
      .finally(() => {
        exclusion[Symbol.dispose]()
        release()
      })
    const result = await deleting
    await abortable(cleaned, signal)
    return result
  }

  async #clean(digests: readonly Digest[], exclusion: Exclusion): Promise<void> {
    const { tier, fills } = this.#options
    await exclusion.settled()
    const failed = await tier.ask('bulkDelete', (cache) => cache.bulkDelete(digests))
    if (failed === undefined || failed.length > 0) fills.markStale(digests)
  }
}
