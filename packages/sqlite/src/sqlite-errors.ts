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

const DAMAGE_ADVICE = '; the database file is damaged: stop what uses it, move its folder away, and a new one is begun'

/** Describes a failure of SQLite, or of the files beside it, as a {@link StorageError}; passes on what is neither. */
export function sqliteError(error: unknown, action: string): unknown {
  if (StorageError.is(error) || !isErrnoException(error)) return error
  if (error.code?.startsWith('SQLITE_') !== true) return fileError(error, `Sqlite: ${action}`)
  const code = CODES.find(([prefix]) => error.code?.startsWith(prefix))?.[1] ?? 'unknown'
  const advice = isDamage(error.code) ? DAMAGE_ADVICE : ''
  return new StorageError(code, `Sqlite: ${action}: ${error.message} (${error.code})${advice}`, { cause: error })
}

function isDamage(code: string): boolean {
  return code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB')
}

/** Tells whether another process holds the lock that a statement needs. */
export function isBusy(error: unknown): boolean {
  return isErrnoException(error) && error.code?.startsWith('SQLITE_BUSY') === true
}
