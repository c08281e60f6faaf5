import type { Metadata } from './metadata.ts'
import type { StatusCode } from './status-code.ts'
import { statusCodeName } from './status-code.ts'

/** What may accompany a {@link GrpcError}. */
export interface GrpcErrorOptions extends ErrorOptions {
  /** An encoded `google.rpc.Status`, sent as `grpc-status-details-bin`. Its code and message should be the error's own. */
  readonly details?: Uint8Array | undefined
  /** Sent as trailers. */
  readonly metadata?: Metadata | undefined
}

/** A failure that the client is to see: thrown by a handler, it ends the call with its code and message. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError'
  readonly code: StatusCode
  readonly details: Uint8Array | undefined
  readonly metadata: Metadata | undefined

  constructor(code: StatusCode, message: string, options: GrpcErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.details = options.details
    this.metadata = options.metadata
  }

  /** Recognises errors made by any installed copy of this package, where `instanceof` would not. */
  static is(value: unknown): value is GrpcError {
    return value instanceof Error && value.name === 'GrpcError' && 'code' in value && typeof value.code === 'number'
  }

  /** The name of the code, such as `NOT_FOUND`. */
  get codeName(): string {
    return statusCodeName(this.code)
  }
}
