import { StorageError } from '../storage-error.ts'

/** How a WithCache behaves, whatever it is made of. */
export interface WithCacheTuning {
  /**
   * Acknowledge a write once it is safe on local disk, and bring it to the fallback later. Default: false. Not yet
   * supported: true is refused with `unsupported`, because a write kept in memory alone would not survive a crash.
   */
  readonly deferFallbackWrites?: boolean | undefined
  /** How many deferred writes may be on their way to the fallback at once. Default: 20. */
  readonly fallbackWriterThreads?: number | undefined
  /** Larger blobs are read from the fallback without filling the cache, in bytes. Default: 64 MiB. */
  readonly maxCachedBlobBytes?: number | undefined
  /** An existing folder for blobs on their way into the cache. Default: the system's folder for temporary files. */
  readonly spoolDirectory?: string | undefined
  /** How old an action-cache entry in the cache may be and still be answered, in milliseconds. Default: 0, never. */
  readonly maxStaleMs?: number | undefined
}

/** Refuses options that cannot be honoured. Shared by both halves, so that a mistake is reported by either. */
export function assertTuning({
  deferFallbackWrites = false,
  fallbackWriterThreads = 20,
  maxCachedBlobBytes = 0,
  maxStaleMs = 0,
}: WithCacheTuning): void {
  if (deferFallbackWrites) {
    throw new StorageError(
      'unsupported',
      'WithCache: deferFallbackWrites is not supported yet; leave it out or set it to false',
    )
  }
  if (!Number.isSafeInteger(fallbackWriterThreads) || fallbackWriterThreads < 1) {
    throw new StorageError('invalid-argument', 'WithCache: fallbackWriterThreads must be a positive integer')
  }
  if (!(maxCachedBlobBytes >= 0)) {
    throw new StorageError('invalid-argument', 'WithCache: maxCachedBlobBytes must be a number of bytes')
  }
  if (!(maxStaleMs >= 0)) {
    throw new StorageError('invalid-argument', 'WithCache: maxStaleMs must be a number of milliseconds')
  }
}
