/** How much may wait, and how it is delivered, when nobody says otherwise. */
export const DEFERRED_DEFAULTS: Readonly<Record<'concurrency' | 'maxWrites' | 'maxBytes' | 'drainMs', number>> = {
  concurrency: 20,
  maxWrites: 100_000,
  maxBytes: 4 * 1024 ** 3,
  drainMs: 10_000,
}
