/** A method of a faulty storage or action cache. */
export type FaultyMethod = FaultyStorageMethod | FaultyActionCacheMethod

/** A method of a {@link FaultyStorage}. */
export type FaultyStorageMethod =
  | 'hasBlob'
  | 'getBlob'
  | 'checkBlob'
  | 'deleteBlob'
  | 'commitWrite'
  | 'resolveHash'
  | 'listBlobs'
  | 'bulkDelete'
  | 'missingBlobs'
  | 'bulkUpdateBlobs'
  | 'bulkReadBlobs'

/** A method of a {@link FaultyActionCache}. */
export type FaultyActionCacheMethod = 'get' | 'update' | 'delete' | 'list'

/** One call, as a plan sees it. */
export interface FaultyCall {
  readonly method: FaultyMethod
  /** The how-manieth call of this method it is, from 1. */
  readonly number: number
  /** The blobs that it is about, by hash, or the keys of entries; empty for lists. */
  readonly names: readonly string[]
  readonly signal: AbortSignal | undefined
}

/**
 * What goes wrong. A plan with no part is a storage without faults.
 *
 * `failing`, `hanging` and the like make plans, `on` and `together` combine them; a test with a wish of its own writes
 * one: `{ before: (call) => log.push(call.method) }`.
 */
export interface FaultPlan {
  /** Called and awaited before the operation; what it throws, the call rejects with, and nothing was done. */
  readonly before?: ((call: FaultyCall) => unknown) | undefined
  /** Called and awaited once the operation took effect; what it throws, the call rejects with all the same. */
  readonly after?: ((call: FaultyCall) => unknown) | undefined
  /** Replaces the content that `getBlob` and `bulkReadBlobs` deliver; what it throws, the reading fails with. */
  readonly content?: ((chunks: AsyncIterable<Uint8Array>, call: FaultyCall) => AsyncIterable<Uint8Array>) | undefined
  /** Called and awaited by `start()`; what it throws, that rejects with, and nothing was started. */
  readonly onStart?: (() => unknown) | undefined
  /** Called and awaited by `stop()` once the storage inside was stopped; what it throws, that rejects with. */
  readonly onStop?: (() => unknown) | undefined
}
