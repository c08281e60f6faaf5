/** How much a server may store, and what of it may go. */
export interface StoreLimits {
  readonly maxBytes: number
  /** What was used within so many milliseconds stays, where a server knows of that. Default: nothing has to. */
  readonly leaseMs?: number | undefined
}

/** What every server with a disk may store unless it is said otherwise, in bytes. */
export const maxStoreBytes: number = 16 * 1024 ** 3
