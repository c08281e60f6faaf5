import { CheckedHash } from './lookup/checked-hash.ts'
import { isLowerHex } from './lookup/hash-words.ts'
import { StorageError } from './storage-error.ts'

/** The hash functions that name blobs, as the Remote Execution API spells them, in lower case. */
export type DigestFunction = 'sha256' | 'sha1' | 'sha384' | 'sha512' | 'blake3'

/**
 * Names a blob by the hash and the length of its content.
 *
 * Digests that come from outside must be made with {@link createDigest}, which refuses malformed ones.
 */
export interface Digest {
  /** Lower-case hexadecimal hash of the content, exactly as long as the digest function's output. */
  readonly hash: string
  /** Exact length of the content in bytes: a safe, non-negative integer. */
  readonly sizeBytes: number
  /** The function that made `hash`; absent means SHA-256. */
  readonly digestFunction?: DigestFunction | undefined
}

/** How long a hash is, in hexadecimal digits. */
const HASH_LENGTHS: Readonly<Record<DigestFunction, number>> = {
  sha256: 64,
  sha1: 40,
  sha384: 96,
  sha512: 128,
  blake3: 64,
}

/** All digest functions that can name a blob. */
export const digestFunctions: readonly DigestFunction[] = Object.keys(HASH_LENGTHS) as DigestFunction[]

/**
 * Makes a digest of parts that may come from anywhere.
 *
 * @throws StorageError `invalid-argument` when the hash is not lower-case hexadecimal of the function's length, or the
 * size is not a safe non-negative integer.
 */
export function createDigest(hash: string, sizeBytes: number, digestFunction: DigestFunction = 'sha256'): Digest {
  const digest: Digest = digestFunction === 'sha256' ? { hash, sizeBytes } : { hash, sizeBytes, digestFunction }
  assertDigest(digest)
  return CheckedHash.note(digest)
}

/**
 * Checks a digest that was not made by {@link createDigest}; every storage does so before it uses one.
 *
 * @throws StorageError `invalid-argument` as `createDigest` does.
 */
export function assertDigest(digest: Digest): void {
  const { hash, sizeBytes, digestFunction = 'sha256' } = digest
  const isChecked = CheckedHash.isNoted(digest) && hash.length === hashLength(digestFunction)
  if (!isChecked) assertHash(hash, digestFunction)
  if (Number.isSafeInteger(sizeBytes) && sizeBytes >= 0) return
  throw new StorageError('invalid-argument', `digest: the size must be a non-negative integer, not ${sizeBytes}`)
}

/**
 * Checks the hash half of a digest.
 *
 * @throws StorageError `invalid-argument` when it is not lower-case hexadecimal of the function's length.
 */
export function assertHash(hash: string, digestFunction: DigestFunction = 'sha256'): void {
  const length = hashLength(digestFunction)
  if (length === undefined) {
    throw new StorageError('invalid-argument', `digest: unknown digest function ${JSON.stringify(digestFunction)}`)
  }
  if (typeof hash === 'string' && hash.length === length && isLowerHex(hash)) return
  const shown = typeof hash === 'string' ? JSON.stringify(hash.slice(0, 160)) : typeof hash
  throw new StorageError('invalid-argument', `digest: ${shown} is not a lower-case hexadecimal ${digestFunction} hash`)
}

/** How long the hashes of a digest function are, in hexadecimal digits; undefined when there is no such function. */
export function hashLength(digestFunction: DigestFunction): number | undefined {
  // Most are of one; looking up a name that may be anything takes longer than all the rest.
  if (digestFunction === 'sha256') return HASH_LENGTHS.sha256
  return Object.hasOwn(HASH_LENGTHS, digestFunction) ? HASH_LENGTHS[digestFunction] : undefined
}

/** Returns a string that is equal exactly for digests naming the same content: function and hash, without the size. */
export function digestKey({ hash, digestFunction = 'sha256' }: Digest): string {
  return digestFunction === 'sha256' ? hash : `${digestFunction}:${hash}`
}

/** Returns a string that is equal exactly for digests of the same function, hash and size. */
export function exactDigestKey(digest: Digest): string {
  return `${digestKey(digest)}/${digest.sizeBytes}`
}

/** Returns `hash/size`, the form in which logs, errors and `bulkDelete` name a blob. */
export function formatDigest({ hash, sizeBytes }: Digest): string {
  return `${hash}/${sizeBytes}`
}

/** Tells whether two digests name the same blob. */
export function digestsEqual(left: Digest, right: Digest): boolean {
  return left.sizeBytes === right.sizeBytes && digestKey(left) === digestKey(right)
}
