import type { QuotaOptions } from '@caskade/core'
import type { FileOperations } from '@caskade/core/files'

/**
 * How a SQLite backend behaves.
 *
 * `maxBytes` (default: 10 GiB, at least 256 KiB) counts the database, its write-ahead log, and files, those on their way
 * in or out included. The watermarks (default: 0.98 and 0.96) are shares of what it leaves to content.
 */
export interface SqliteOptions extends QuotaOptions {
  /** The folder that holds the database and the files beside it; it is created when it is not there. */
  readonly path: string
  /** Blobs up to this many bytes are rows of the database; larger ones are files. Default: 32 KiB. */
  readonly maxRowBytes?: number | undefined
  /** A use is recorded only when the last recorded one is older than this, in milliseconds. Default: 30 seconds. */
  readonly accessGranularityMs?: number | undefined
  /** The present time in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined
  /**
   * The file operations for the files beside the database, for syncing its log, and for folders; SQLite itself reads and
   * writes the database. Default: the real file system.
   */
  readonly files?: FileOperations | undefined
}

/** The largest row when nobody says otherwise, in bytes: above it, files cost less CPU than rows. */
export const DEFAULT_MAX_ROW_BYTES: number = 32 * 1024

/** How exact the order of use is when nobody says otherwise, in milliseconds. */
export const DEFAULT_ACCESS_GRANULARITY_MS = 30_000
