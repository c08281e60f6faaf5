import { resolve } from 'node:path'
import type { Backend } from '../backend.ts'
import type { BackendConfig, Provider } from '../provider.ts'
import { WithCacheActionCache } from './with-cache-action-cache.ts'
import type { WithCacheTuning } from './with-cache-options.ts'
import { deferredWritesOf, resolveTuning } from './with-cache-options.ts'
import { withCacheSchema } from './with-cache-schema.ts'
import { WithCacheStorage } from './with-cache-storage.ts'

/** What {@link withCache} combines. */
export interface WithCacheOptions extends WithCacheTuning {
  readonly cache: Backend
  readonly fallback: Backend
}

/** A backend of two: `flush()` and `deferredStatus` are on both halves. */
export interface WithCacheBackend extends Backend {
  readonly storage: WithCacheStorage
  readonly actionCache: WithCacheActionCache
}

/** Puts a fast backend in front of a slow one: both halves, with the same options and one journal of deferred writes. */
export function withCache({ cache, fallback, ...tuning }: WithCacheOptions): WithCacheBackend {
  const shared = { ...tuning, deferredWrites: deferredWritesOf(resolveTuning(tuning)) }
  return {
    storage: new WithCacheStorage({ cache: cache.storage, fallback: fallback.storage, ...shared }),
    actionCache: new WithCacheActionCache({ cache: cache.actionCache, fallback: fallback.actionCache, ...shared }),
  }
}

/** The options of `type: with-cache` in a configuration. */
export interface WithCacheConfig extends Omit<WithCacheTuning, 'files'> {
  readonly cache: BackendConfig
  readonly fallback: BackendConfig
}

/** Makes a WithCache of a configuration. */
export const withCacheProvider: Provider<WithCacheConfig> = {
  type: 'with-cache',
  schema: withCacheSchema,
  async create({ cache, fallback, spoolDirectory, journalDirectory, ...tuning }, { build, baseDirectory }) {
    return withCache({
      ...tuning,
      ...(spoolDirectory !== undefined && { spoolDirectory: resolve(baseDirectory, spoolDirectory) }),
      ...(journalDirectory !== undefined && { journalDirectory: resolve(baseDirectory, journalDirectory) }),
      cache: await build(cache),
      fallback: await build(fallback),
    })
  },
  sharingProblem: ({ deferFallbackWrites = false }) =>
    deferFallbackWrites ? 'a deferred write can be read only by the process that accepted it' : undefined,
}
