import { isErrnoException, StorageError } from '@caskade/core'
import { TransientFailure } from './transient-failure.ts'

/** Failures of a connection that come from how it is set up, so that repeating helps nothing. */
const LASTING = /^(ERR_TLS|ERR_SSL|ERR_INVALID|ERR_UNESCAPED|EACCES|EPERM)|CERT|SIGNATURE|HOSTNAME_MISMATCH/

/** Describes what became of a connection. */
export function connectionFailure(error: unknown, action: string): Error {
  const code = isErrnoException(error) ? error.code : undefined
  const reason = error instanceof Error ? error.message || code : String(error)
  const message = `Gcs: ${action}: the connection failed: ${reason}${code === undefined ? '' : ` (${code})`}`
  if (code !== undefined && LASTING.test(code)) return new StorageError('unknown', message, { cause: error })
  return new TransientFailure(new StorageError('unavailable', message, { cause: error }))
}

/** Describes a wait that took too long. */
export function stalledFailure(action: string, what: string, idleTimeoutMs: number): TransientFailure {
  const message = `Gcs: ${action}: ${what} for ${idleTimeoutMs} ms (idleTimeoutMs)`
  return new TransientFailure(new StorageError('unavailable', message))
}
