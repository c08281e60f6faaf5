import type { Digest } from './digest.ts'
import { formatDigest } from './digest.ts'
import type { ReadOptions } from './operation-options.ts'
import { StorageError } from './storage-error.ts'

/** A part of a blob that lies wholly within it. */
export interface ByteRange {
  readonly offset: number
  readonly length: number
}

/**
 * Turns the options of `getBlob` into a range within the blob.
 *
 * @throws StorageError `invalid-argument` when `offset` or `length` is negative or fractional, or `offset` lies beyond
 * the end.
 */
export function resolveRange(digest: Digest, { offset = 0, length }: ReadOptions): ByteRange {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset > digest.sizeBytes) {
    throw new StorageError('invalid-argument', `getBlob: no offset ${offset} in blob ${formatDigest(digest)}`, {
      digest,
    })
  }
  const rest = digest.sizeBytes - offset
  if (length === undefined) return { offset, length: rest }
  if (!Number.isSafeInteger(length) || length < 0) {
    throw new StorageError('invalid-argument', `getBlob: ${length} is not a length in bytes`, { digest })
  }
  return { offset, length: Math.min(length, rest) }
}

/** Tells whether a range covers the whole blob, so that its content can be verified against the digest. */
export function coversBlob({ offset, length }: ByteRange, { sizeBytes }: Digest): boolean {
  return offset === 0 && length === sizeBytes
}
