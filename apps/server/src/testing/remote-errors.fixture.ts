import { StorageError, type StorageErrorCode } from '@caskade/core'
import { StatusCode } from '@caskade/grpc'

/** The code for what a server does not have, where that is an answer and not a failure. Callers never see it. */
export const NOT_FOUND: StorageErrorCode = 'not-found'

/**
 * The one table of how a server's statuses are told as failures of a storage.
 *
 * RESOURCE_EXHAUSTED is a full server in the Remote Execution API, FAILED_PRECONDITION one of ours. A deadline, an abort
 * and a cancellation that was not ours say nothing against trying again.
 */
const CODES: ReadonlyMap<number, StorageErrorCode> = new Map<number, StorageErrorCode>([
  [StatusCode.NOT_FOUND, NOT_FOUND],
  [StatusCode.INVALID_ARGUMENT, 'invalid-argument'],
  [StatusCode.OUT_OF_RANGE, 'invalid-argument'],
  [StatusCode.FAILED_PRECONDITION, 'no-space'],
  [StatusCode.RESOURCE_EXHAUSTED, 'no-space'],
  [StatusCode.PERMISSION_DENIED, 'permission-denied'],
  [StatusCode.UNAUTHENTICATED, 'permission-denied'],
  [StatusCode.UNIMPLEMENTED, 'unsupported'],
  [StatusCode.DATA_LOSS, 'corrupt'],
  [StatusCode.UNAVAILABLE, 'unavailable'],
  [StatusCode.DEADLINE_EXCEEDED, 'unavailable'],
  [StatusCode.ABORTED, 'unavailable'],
  [StatusCode.CANCELLED, 'unavailable'],
])

/** Looks up what a status means to the user of a storage; everything that is not in the table is `unknown`. */
export function storageErrorCodeOf(status: number): StorageErrorCode {
  return CODES.get(status) ?? 'unknown'
}

/** What grpc-js says of a call whose connection ended in the middle, when it was not reset; no status of a server begins so. */
const CUT_OFF = /^13 INTERNAL: Received RST_STREAM with code/

/** Makes of the error of a call the one that a storage rejects with; anything else is returned as it is. */
export function toStorageError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'number') return error
  const code = CUT_OFF.test(error.message) ? 'unavailable' : storageErrorCodeOf(error.code)
  return new StorageError(code, `remote: ${error.message}`, { cause: error })
}
