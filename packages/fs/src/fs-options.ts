import type { QuotaDefaults, QuotaOptions } from '@caskade/core'
import type { FileOperations } from '@caskade/core/files'

/** How a backend of plain files behaves. */
export interface FsOptions extends QuotaOptions {
  /** The folder that holds everything; it is created when it is not there. */
  readonly path: string
  /** A use is recorded only when the last recorded one is older than this, in milliseconds. Default: 30 seconds. */
  readonly accessGranularityMs?: number | undefined
  /** The present time in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined
  /** The file operations for everything in the folder. Default: the real file system. */
  readonly files?: FileOperations | undefined
}

/** The quota when nobody says otherwise. */
export const QUOTA_DEFAULTS: QuotaDefaults = { maxBytes: 10 * 1024 ** 3, highWatermark: 0.95, lowWatermark: 0.9 }

/** How exact the order of use is when nobody says otherwise, in milliseconds. */
export const DEFAULT_ACCESS_GRANULARITY_MS = 30_000
