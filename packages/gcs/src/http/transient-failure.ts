import type { StorageError } from '@caskade/core'

/** A request failed in a way that may pass, so that it is worth repeating. */
export class TransientFailure extends Error {
  override readonly name = 'TransientFailure'
  /** What the caller is told when it does not pass. */
  readonly error: StorageError
  /** How long the service wants to be left alone, in milliseconds. */
  readonly retryAfterMs: number

  constructor(error: StorageError, retryAfterMs = 0) {
    super(error.message, { cause: error })
    this.error = error
    this.retryAfterMs = retryAfterMs
  }
}
