import type { StorageErrorCode } from './storage-error.ts'
import { StorageError } from './storage-error.ts'

/** The outcome of one item of a bulk call. */
export type Status = { readonly code: 'ok' } | { readonly code: StorageErrorCode; readonly message: string }

/** The outcome of an item that succeeded. */
export const okStatus: Status = { code: 'ok' }

/** Describes a failure as a status; anything that is not a {@link StorageError} becomes `unknown`. */
export function statusOfError(error: unknown): Status {
  if (StorageError.is(error)) return { code: error.code, message: error.message }
  return { code: 'unknown', message: error instanceof Error ? error.message : String(error) }
}

/**
 * Describes the failure of one item of a bulk call, which must not fail the others.
 *
 * @throws What ends the whole call instead: the signal's reason once it is aborted, and `not-running`.
 */
export function statusOfItemError(error: unknown, signal: AbortSignal | undefined): Status {
  signal?.throwIfAborted()
  if (StorageError.is(error, 'not-running')) throw error
  return statusOfError(error)
}
