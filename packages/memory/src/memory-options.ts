import type { QuotaDefaults, QuotaOptions } from '@caskade/core'

/**
 * How a memory backend behaves.
 *
 * `maxBytes` (default: 256 MiB) counts overhead. Evicting costs nothing here, so the watermarks are 1 unless said otherwise.
 */
export interface MemoryOptions extends QuotaOptions {
  /** The largest blob it accepts, in bytes. Default: `maxBytes`. */
  readonly maxBlobBytes?: number | undefined
  /** The present time in milliseconds, by which leases end. Default: a clock that nobody sets. */
  readonly now?: (() => number) | undefined
}

/** The quota when nobody says otherwise. */
export const QUOTA_DEFAULTS: QuotaDefaults = { maxBytes: 256 * 1024 * 1024, highWatermark: 1, lowWatermark: 1 }
