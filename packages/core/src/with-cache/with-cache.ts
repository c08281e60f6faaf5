import { resolve } from 'node:path'
import type { Backend } from '../backend.ts'
import type { BackendConfig, Provider } from '../provider.ts'
import { WithCacheActionCache } from './with-cache-action-cache.ts'
import type { WithCacheTuning } from './with-cache-options.ts'
import { WithCacheStorage } from './with-cache-storage.ts'

/** What {@link withCache} combines. */
export interface WithCacheOptions extends WithCacheTuning {
  readonly cache: Backend
  readonly fallback: Backend
}

/** Puts a fast backend in front of a slow one: both halves, with the same options. */
export function withCache({ cache, fallback, ...tuning }: WithCacheOptions): Backend {
  return {
    storage: new WithCacheStorage({ cache: cache.storage, fallback: fallback.storage, ...tuning }),
    actionCache: new WithCacheActionCache({ cache: cache.actionCache, fallback: fallback.actionCache, ...tuning }),
  }
}

/** The options of `type: with-cache` in a configuration. */
export interface WithCacheConfig extends WithCacheTuning {
  readonly cache: BackendConfig
  readonly fallback: BackendConfig
}

/** Makes a WithCache of a configuration. */
export const withCacheProvider: Provider<WithCacheConfig> = {
  type: 'with-cache',
  schema: {
    type: 'object',
    required: ['cache', 'fallback'],
    properties: {
      cache: { type: 'object', format: 'backend', description: 'The fast backend, asked first' },
      fallback: { type: 'object', format: 'backend', description: 'The backend that holds everything' },
      deferFallbackWrites: {
        type: 'boolean',
        default: false,
        description: 'Acknowledge writes before the fallback has them (not supported yet)',
      },
      fallbackWriterThreads: {
        type: 'integer',
        minimum: 1,
        default: 20,
        description: 'How many deferred writes may be on their way at once',
      },
      maxCachedBlobBytes: {
        type: 'number',
        format: 'bytes',
        minimum: 0,
        default: 64 * 1024 * 1024,
        description: 'Larger blobs do not fill the cache',
      },
      spoolDirectory: { type: 'string', format: 'path', description: 'A folder for blobs on their way into the cache' },
      maxStaleMs: {
        type: 'number',
        format: 'duration-ms',
        minimum: 0,
        default: 0,
        description: 'How old an action-cache entry in the cache may be and still be answered',
      },
    },
  },
  async create({ cache, fallback, spoolDirectory, ...tuning }, { build, baseDirectory }) {
    return withCache({
      ...tuning,
      ...(spoolDirectory !== undefined && { spoolDirectory: resolve(baseDirectory, spoolDirectory) }),
      cache: await build(cache),
      fallback: await build(fallback),
    })
  },
}
