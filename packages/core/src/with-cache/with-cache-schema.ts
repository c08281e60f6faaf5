import type { OptionSchema, OptionsSchema } from '../provider.ts'
import { MAX_TIMER_MS } from '../provider.ts'
import { WITH_CACHE_DEFAULTS } from './with-cache-defaults.ts'

/** The options of `type: with-cache` in a configuration. */
export const withCacheSchema: OptionsSchema = {
  type: 'object',
  required: ['cache', 'fallback'],
  properties: {
    cache: { type: 'object', format: 'backend', holdsCopies: true, description: 'The fast backend, asked first' },
    fallback: { type: 'object', format: 'backend', description: 'The backend that holds everything' },
    deferFallbackWrites: {
      type: 'boolean',
      default: false,
      description: 'Acknowledge a write once it is in the journal, and bring it to the fallback later',
    },
    fallbackWriterThreads: count(
      WITH_CACHE_DEFAULTS.fallbackWriterThreads,
      'How many deferred writes may be on their way at once',
    ),
    journalDirectory: { type: 'string', format: 'path', description: 'A folder on a local disk for deferred writes' },
    maxPendingWrites: count(WITH_CACHE_DEFAULTS.maxPendingWrites, 'How many deferred writes may wait'),
    maxPendingBytes: bytes(WITH_CACHE_DEFAULTS.maxPendingBytes, 'How many bytes of deferred writes may wait'),
    drainMs: timer(WITH_CACHE_DEFAULTS.drainMs, 'How long a stop waits for deferred writes to arrive'),
    maxCachedBlobBytes: bytes(WITH_CACHE_DEFAULTS.maxCachedBlobBytes, 'Larger blobs do not fill the cache'),
    spoolDirectory: { type: 'string', format: 'path', description: 'A folder for blobs on their way into the cache' },
    cacheTimeoutMs: {
      ...timer(WITH_CACHE_DEFAULTS.cacheTimeoutMs, 'How long the cache may give no sign of life'),
      minimum: 1,
    },
    cacheRetryMs: timer(WITH_CACHE_DEFAULTS.cacheRetryMs, 'How long a cache that does not work is left alone'),
    trustCache: {
      type: 'boolean',
      default: false,
      description: 'Deliver what the cache returns without hashing it; for memory, and what verifies itself',
    },
    // Its quarter is a timer.
    leaseMs: {
      ...duration(
        WITH_CACHE_DEFAULTS.leaseMs,
        'For how long what is in use stays, where the fallback has such a lease itself',
      ),
      maximum: 4 * MAX_TIMER_MS,
    },
    maxStaleMs: duration(
      WITH_CACHE_DEFAULTS.maxStaleMs,
      'How old an action-cache entry in the cache may be and still be answered',
    ),
  },
}

function count(byDefault: number, description: string): OptionSchema {
  return { type: 'integer', minimum: 1, default: byDefault, description }
}

function bytes(byDefault: number, description: string): OptionSchema {
  return { type: 'number', format: 'bytes', minimum: 0, default: byDefault, description }
}

function duration(byDefault: number, description: string): OptionSchema {
  return { type: 'number', format: 'duration-ms', minimum: 0, default: byDefault, description }
}

function timer(byDefault: number, description: string): OptionSchema {
  return { ...duration(byDefault, description), maximum: MAX_TIMER_MS }
}
