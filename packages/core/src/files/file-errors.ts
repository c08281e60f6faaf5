import type { Digest } from '../digest.ts'
import type { StorageErrorCode } from '../storage-error.ts'
import { isErrnoException, StorageError } from '../storage-error.ts'

const CODES: Readonly<Record<string, StorageErrorCode>> = {
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  EFBIG: 'too-large',
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
  EROFS: 'permission-denied',
  EMFILE: 'unavailable',
  ENFILE: 'unavailable',
  EAGAIN: 'unavailable',
  EBUSY: 'unavailable',
}

/** Describes a failed file operation as a {@link StorageError}; passes on what is not an error of Node.js. */
export function fileError(error: unknown, action: string, digest?: Digest): unknown {
  if (StorageError.is(error) || !isErrnoException(error)) return error
  const code = CODES[error.code ?? ''] ?? 'unknown'
  return new StorageError(code, `${action}: ${error.message}`, { cause: error, digest })
}
