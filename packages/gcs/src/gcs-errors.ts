import { StorageError } from '@caskade/core'
import { TransientFailure } from './http/transient-failure.ts'

/** A refusal by the service. */
export interface Refusal {
  readonly status: number
  /** The body, or its beginning. */
  readonly text: string
  readonly retryAfter?: string | undefined
}

/** How much of a body an error quotes. */
const EXCERPT_LENGTH = 300

/** The reasons of 403 that are about too many requests and not about permissions. */
const RATE_REASONS = new Set(['rateLimitExceeded', 'userRateLimitExceeded'])

/** Describes a refusal; a `TransientFailure` where it may pass. */
export function refusalError(refusal: Refusal, action: string, now: () => number): Error {
  const { status, text, retryAfter } = refusal
  const { message, reason } = explanationOf(text)
  const said = `Gcs: ${action}: the service answered ${status}: ${message}`
  const isPassing = status === 408 || status === 429 || status >= 500 || (status === 403 && RATE_REASONS.has(reason))
  if (isPassing) return new TransientFailure(new StorageError('unavailable', said), retryAfterMs(retryAfter, now))
  if (status === 401) return new StorageError('permission-denied', `${said}; the credentials were refused`)
  if (status === 403) {
    const hint = 'the credentials need the role roles/storage.objectUser on the bucket'
    return new StorageError('permission-denied', `${said}; ${hint}`)
  }
  if (status === 413) return new StorageError('too-large', said)
  return new StorageError('unknown', said)
}

/** The error for a bucket that is not there, which says nothing about any object. */
export function bucketMissingError(action: string, bucketName: string): StorageError {
  return new StorageError('unknown', `Gcs: ${action}: there is no bucket ${JSON.stringify(bucketName)}`)
}

/** The error for an answer that cannot be read; another one may be. */
export function garbledFailure(action: string, what: string): TransientFailure {
  return new TransientFailure(new StorageError('unavailable', `Gcs: ${action}: the answer makes no sense: ${what}`))
}

/** What a 404 is about, as far as its text tells. `name` is that of the object that was asked for. */
export function missingThing(text: string, name: string): 'object' | 'bucket' | 'unclear' {
  const { message } = explanationOf(text)
  if (message.includes(name) || /no such object/i.test(message)) return 'object'
  return /\bbucket\b.*\b(does not exist|not found)|no such bucket/i.test(message) ? 'bucket' : 'unclear'
}

/** The message and the reason in the body of a refusal, which is JSON for most and plain text for content. */
function explanationOf(text: string): { readonly message: string; readonly reason: string } {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown; errors?: readonly { reason?: string }[] } }
    if (typeof error?.message === 'string') {
      return { message: excerpt(error.message), reason: error.errors?.[0]?.reason ?? '' }
    }
  } catch {
    // Not JSON: quoted as it is.
  }
  return { message: excerpt(text), reason: '' }
}

function excerpt(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  if (line === '') return '(no explanation)'
  return line.length > EXCERPT_LENGTH ? `${line.slice(0, EXCERPT_LENGTH)}...` : line
}

/** Reads a `Retry-After`, in seconds or as a date (RFC 9110, 10.2.3). */
function retryAfterMs(value: string | undefined, now: () => number): number {
  if (value === undefined) return 0
  const milliseconds = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now()
  return Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : 0
}
