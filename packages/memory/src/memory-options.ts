/** How a memory backend behaves. */
export interface MemoryOptions {
  /** What it may hold in all, overhead included, in bytes. Default: 256 MiB. */
  readonly maxBytes?: number | undefined
  /** The largest blob it accepts, in bytes. Default: `maxBytes`. */
  readonly maxBlobBytes?: number | undefined
}

/** What a memory backend may hold when nobody says otherwise, in bytes. */
export const DEFAULT_MAX_BYTES: number = 256 * 1024 * 1024
