import type { Metadata } from './metadata.ts'
import type { StatusCode } from './status-code.ts'

/** How a call ends that does not end with OK. */
export interface CallStatus {
  readonly code: StatusCode
  readonly message: string
  /** An encoded `google.rpc.Status`, sent as `grpc-status-details-bin`. */
  readonly details?: Uint8Array | undefined
  /** Sent as trailers. */
  readonly metadata?: Metadata | undefined
}

/**
 * An answer that is a status alone, returned by a handler where that is an ordinary outcome, such as NOT_FOUND by one that
 * looks something up. Unlike a `GrpcError` that is thrown, it is no failure, and takes no stack. One that is frozen, and returned
 * again and again, is encoded once.
 */
export class StatusAnswer implements CallStatus {
  readonly code: StatusCode
  readonly message: string

  constructor(code: StatusCode, message: string) {
    this.code = code
    this.message = message
  }
}
