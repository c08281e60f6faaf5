import type { Digest } from './digest.ts'

/**
 * The category of a failure. Programs act on the code, never on the message.
 *
 * - `corrupt`: stored content is damaged; it was dropped, and from now on the blob is absent.
 * - `invalid-argument`: the caller passed something that can never work.
 * - `no-space`: the storage is full and could not make room.
 * - `too-large`: the blob exceeds what this storage accepts at all.
 * - `not-running`: used before `start()` or after `stop()`.
 * - `unavailable`: it may work later; the only code that is worth a retry.
 * - `permission-denied`: the storage itself was refused access.
 * - `unsupported`: this storage cannot do that.
 * - `unknown`: everything else.
 *
 * The set is open: a provider may add codes of its own, which callers treat as `unknown`.
 */
export type StorageErrorCode =
  | 'corrupt'
  | 'invalid-argument'
  | 'no-space'
  | 'too-large'
  | 'not-running'
  | 'unavailable'
  | 'permission-denied'
  | 'unsupported'
  | 'unknown'
  | (string & {})

/** What may accompany a {@link StorageError}. */
export interface StorageErrorOptions extends ErrorOptions {
  /** The blob that the failed operation was about. */
  readonly digest?: Digest | undefined
}

/** The one error class that storages throw, besides the reason of an aborted signal. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly code: StorageErrorCode
  readonly digest: Digest | undefined

  constructor(code: StorageErrorCode, message: string, options: StorageErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.digest = options.digest
  }

  /** Recognises errors made by any installed copy of this package, where `instanceof` would not. */
  static is(value: unknown, code?: StorageErrorCode): value is StorageError {
    if (!(value instanceof Error) || value.name !== 'StorageError' || !('code' in value)) return false
    return code === undefined || value.code === code
  }
}

/** Tells whether a value is an error of Node.js with the given code, such as `ENOENT`. */
export function isErrnoException(value: unknown, code?: string): value is NodeJS.ErrnoException {
  if (!(value instanceof Error) || !('code' in value) || typeof value.code !== 'string') return false
  return code === undefined || value.code === code
}
