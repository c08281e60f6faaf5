import type { StorageErrorCode } from '@caskade/core'
import { isErrnoException, StorageError } from '@caskade/core'
import { fileError } from '@caskade/core/files'

const CODES: readonly (readonly [prefix: string, code: StorageErrorCode])[] = [
  ['SQLITE_FULL', 'no-space'],
  ['SQLITE_BUSY', 'unavailable'],
  ['SQLITE_LOCKED', 'unavailable'],
  ['SQLITE_READONLY', 'permission-denied'],
  ['SQLITE_PERM', 'permission-denied'],
  ['SQLITE_CANTOPEN', 'permission-denied'],
  ['SQLITE_CORRUPT', 'unknown'],
  ['SQLITE_NOTADB', 'unknown'],
]

/** Describes a failure of SQLite, or of the files beside it, as a {@link StorageError}; passes on what is neither. */
export function sqliteError(error: unknown, action: string): unknown {
  if (StorageError.is(error) || !isErrnoException(error)) return error
  if (error.code?.startsWith('SQLITE_') !== true) return fileError(error, `Sqlite: ${action}`)
  const code = CODES.find(([prefix]) => error.code?.startsWith(prefix))?.[1] ?? 'unknown'
  return new StorageError(code, `Sqlite: ${action}: ${error.message} (${error.code})`, { cause: error })
}

/** Tells whether another process holds the lock that a statement needs. */
export function isBusy(error: unknown): boolean {
  return isErrnoException(error) && error.code?.startsWith('SQLITE_BUSY') === true
}
