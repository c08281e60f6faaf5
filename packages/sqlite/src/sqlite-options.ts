import type { FileOperations } from '@caskade/core/files'

/** How a SQLite backend behaves. */
export interface SqliteOptions {
  /** The folder that holds the database and the files beside it; it is created when it is not there. */
  readonly path: string
  /** What it may hold in all: rows, files, and files on their way in or out, in bytes. Default: 10 GiB. */
  readonly maxBytes?: number | undefined
  /** Blobs up to this many bytes are rows of the database; larger ones are files. Default: 16 KiB. */
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

/** What a SQLite backend may hold when nobody says otherwise, in bytes. */
export const DEFAULT_MAX_BYTES: number = 10 * 1024 ** 3

/** The largest row when nobody says otherwise, in bytes: above it, files cost less CPU than rows. */
export const DEFAULT_MAX_ROW_BYTES: number = 16 * 1024

/** How exact the order of use is when nobody says otherwise, in milliseconds. */
export const DEFAULT_ACCESS_GRANULARITY_MS = 30_000
