import { DEFERRED_DEFAULTS } from '../deferred/deferred-defaults.ts'

/** The options of a WithCache that are numbers. */
type NumberOption =
  | 'fallbackWriterThreads'
  | 'maxPendingWrites'
  | 'maxPendingBytes'
  | 'drainMs'
  | 'maxCachedBlobBytes'
  | 'cacheTimeoutMs'
  | 'cacheRetryMs'
  | 'leaseMs'
  | 'maxStaleMs'

/** Their values when nobody says otherwise. */
export const WITH_CACHE_DEFAULTS: Readonly<Record<NumberOption, number>> = {
  fallbackWriterThreads: DEFERRED_DEFAULTS.concurrency,
  maxPendingWrites: DEFERRED_DEFAULTS.maxWrites,
  maxPendingBytes: DEFERRED_DEFAULTS.maxBytes,
  drainMs: DEFERRED_DEFAULTS.drainMs,
  maxCachedBlobBytes: 64 * 1024 ** 2,
  cacheTimeoutMs: 2000,
  cacheRetryMs: 30_000,
  leaseMs: 4 * 3_600_000,
  maxStaleMs: 0,
}
