import { tmpdir } from 'node:os'
import { DeferredWrites } from '../deferred/deferred-writes.ts'
import type { FileOperations } from '../files/file-operations.ts'
import { nodeFiles } from '../files/file-operations.ts'
import { StorageError } from '../storage-error.ts'
import { WITH_CACHE_DEFAULTS } from './with-cache-defaults.ts'

/** How a WithCache behaves, whatever it is made of. */
export interface WithCacheTuning {
  /**
   * Acknowledge a write once it is in a journal on local disk, and bring it to the fallback later. Needs
   * `journalDirectory`. Default: false.
   */
  readonly deferFallbackWrites?: boolean | undefined
  /** How many deferred writes may be on their way to the fallback at once. Default: 20. */
  readonly fallbackWriterThreads?: number | undefined
  /**
   * A folder on a local disk for the journals of deferred writes; it is created when it is not there. Processes may share
   * it: each has a journal of its own, and takes over those of processes that are gone. No default.
   */
  readonly journalDirectory?: string | undefined
  /** How many deferred writes may wait; further ones go to the fallback at once. Default: 100,000. */
  readonly maxPendingWrites?: number | undefined
  /** How many bytes of deferred writes may wait; further ones go to the fallback at once. Default: 4 GiB. */
  readonly maxPendingBytes?: number | undefined
  /** How long `stop()` waits for deferred writes to arrive, in milliseconds; the rest stays in the journal. Default: 10 seconds. */
  readonly drainMs?: number | undefined
  /** Larger blobs are read from the fallback by each reader alone, without filling the cache, in bytes. Default: 64 MiB. */
  readonly maxCachedBlobBytes?: number | undefined
  /** An existing folder for blobs of more than 1 MiB on their way into the cache. Default: the system's folder for temporary files. */
  readonly spoolDirectory?: string | undefined
  /** How long the cache may give no sign of life before the fallback answers instead, in milliseconds. Default: 2 seconds. */
  readonly cacheTimeoutMs?: number | undefined
  /** How long a cache that does not work is left alone before it is tried again, in milliseconds. Default: 30 seconds. */
  readonly cacheRetryMs?: number | undefined
  /**
   * Deliver what the cache returns without hashing it. For a cache in the memory of this process, or one that verifies
   * what it reads itself. Default: false.
   */
  readonly trustCache?: boolean | undefined
  /**
   * The lease of the fallback, in milliseconds: the use of a blob that the cache answers for is passed on to it at least
   * every quarter of that. It is the fallback, set up with its own, that then keeps the blob. Default: 4 hours.
   */
  readonly leaseMs?: number | undefined
  /** How old an action-cache entry in the cache may be and still be answered, in milliseconds. Default: 0, never. */
  readonly maxStaleMs?: number | undefined
  /** The file operations for the spool and the journal. Default: the real file system. */
  readonly files?: FileOperations | undefined
}

/** A {@link WithCacheTuning} with every default filled in. */
export type ResolvedTuning = {
  readonly [Name in keyof WithCacheTuning]-?: Exclude<WithCacheTuning[Name], undefined>
}

/** What of the tuning has a minimum, and what it is counted in. */
const MINIMA = {
  fallbackWriterThreads: { minimum: 1, isInteger: true, unit: '' },
  maxPendingWrites: { minimum: 1, isInteger: true, unit: '' },
  maxPendingBytes: { minimum: 1, isInteger: false, unit: ' of bytes' },
  drainMs: { minimum: 0, isInteger: false, unit: ' of milliseconds' },
  maxCachedBlobBytes: { minimum: 0, isInteger: false, unit: ' of bytes' },
  cacheTimeoutMs: { minimum: 1, isInteger: false, unit: ' of milliseconds' },
  cacheRetryMs: { minimum: 0, isInteger: false, unit: ' of milliseconds' },
  leaseMs: { minimum: 1, isInteger: false, unit: ' of milliseconds' },
  maxStaleMs: { minimum: 0, isInteger: false, unit: ' of milliseconds' },
} as const

/**
 * Fills in the defaults, and refuses what cannot be honoured. Both halves call it, so that a mistake is reported by either.
 *
 * @throws StorageError `invalid-argument`.
 */
export function resolveTuning(tuning: WithCacheTuning): ResolvedTuning {
  const resolved: ResolvedTuning = {
    deferFallbackWrites: tuning.deferFallbackWrites ?? false,
    fallbackWriterThreads: tuning.fallbackWriterThreads ?? WITH_CACHE_DEFAULTS.fallbackWriterThreads,
    journalDirectory: tuning.journalDirectory ?? '',
    maxPendingWrites: tuning.maxPendingWrites ?? WITH_CACHE_DEFAULTS.maxPendingWrites,
    maxPendingBytes: tuning.maxPendingBytes ?? WITH_CACHE_DEFAULTS.maxPendingBytes,
    drainMs: tuning.drainMs ?? WITH_CACHE_DEFAULTS.drainMs,
    maxCachedBlobBytes: tuning.maxCachedBlobBytes ?? WITH_CACHE_DEFAULTS.maxCachedBlobBytes,
    spoolDirectory: tuning.spoolDirectory ?? tmpdir(),
    cacheTimeoutMs: tuning.cacheTimeoutMs ?? WITH_CACHE_DEFAULTS.cacheTimeoutMs,
    cacheRetryMs: tuning.cacheRetryMs ?? WITH_CACHE_DEFAULTS.cacheRetryMs,
    trustCache: tuning.trustCache ?? false,
    leaseMs: tuning.leaseMs ?? WITH_CACHE_DEFAULTS.leaseMs,
    maxStaleMs: tuning.maxStaleMs ?? WITH_CACHE_DEFAULTS.maxStaleMs,
    files: tuning.files ?? nodeFiles,
  }
  for (const [name, { minimum, isInteger, unit }] of Object.entries(MINIMA)) {
    const value = resolved[name as keyof typeof MINIMA]
    if (value >= minimum && (!isInteger || Number.isSafeInteger(value))) continue
    const kind = isInteger ? 'a whole number' : 'a number'
    throw new StorageError('invalid-argument', `WithCache: ${name} must be ${kind}${unit}, at least ${minimum}`)
  }
  if (resolved.deferFallbackWrites && resolved.journalDirectory === '') {
    const message =
      'WithCache: deferFallbackWrites needs journalDirectory, a folder on a local disk that keeps writes over a crash'
    throw new StorageError('invalid-argument', message)
  }
  return resolved
}

/** Makes the deferred writes that a tuning asks for; undefined when it asks for none. */
export function deferredWritesOf(tuning: ResolvedTuning): DeferredWrites | undefined {
  if (!tuning.deferFallbackWrites) return undefined
  return new DeferredWrites({
    directory: tuning.journalDirectory,
    concurrency: tuning.fallbackWriterThreads,
    maxWrites: tuning.maxPendingWrites,
    maxBytes: tuning.maxPendingBytes,
    drainMs: tuning.drainMs,
    files: tuning.files,
  })
}
