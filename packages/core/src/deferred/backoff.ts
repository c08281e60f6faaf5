/** How a {@link backoffMs} grows. */
export interface BackoffOptions {
  /** The longest first wait, in milliseconds. */
  readonly baseMs: number
  /** The longest wait of all, in milliseconds. */
  readonly maxMs: number
  /** A random number from 0 up to 1. Default: `Math.random`. */
  readonly random?: (() => number) | undefined
}

/**
 * How long to wait before trying again after a number of failures, in milliseconds: anything up to a limit that doubles
 * each time ("full jitter"), so that many who failed together do not come back together.
 */
export function backoffMs(failures: number, { baseMs, maxMs, random = Math.random }: BackoffOptions): number {
  return random() * Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30))
}
