import type { Metadata } from './metadata.ts'

/** What a handler may know of its call besides the messages. */
export interface CallContext {
  /** The full name of the method, such as `/package.Service/Method`. */
  readonly path: string
  /** The client's headers. */
  readonly metadata: Metadata
  /** The client's address, such as `127.0.0.1:50123`. */
  readonly peer: string
  /**
   * Aborted when the client cancels, its connection breaks, or the deadline passes; its reason is a `GrpcError` that
   * says which.
   */
  readonly signal: AbortSignal
  /** Has something done once the call is over: when the client has taken the response, or the call has failed. */
  whenOver(callback: () => void): void
  /**
   * Has the memory of a request used again for others, by a handler that is done with all of its bytes; any part of them names
   * it. Need not be called.
   */
  reuse(bytes: Uint8Array): void
}
