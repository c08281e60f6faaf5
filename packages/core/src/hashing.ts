import { createHash, hash } from 'node:crypto'
import type { Digest, DigestFunction } from './digest.ts'
import { createDigest } from './digest.ts'
import { StorageError } from './storage-error.ts'

/** Hashes content as it arrives. */
export interface Hasher {
  /** Adds bytes; they may be reused by the caller afterwards. */
  update(bytes: Uint8Array): void
  /** Returns the lower-case hexadecimal hash of everything added. Must be called once, last. */
  digest(): string
}

/**
 * Starts hashing with the given function.
 *
 * @throws StorageError `unsupported` for a function that this Node.js cannot compute, such as BLAKE3.
 */
export function createHasher(digestFunction: DigestFunction = 'sha256'): Hasher {
  assertComputable(digestFunction)
  const state = createHash(digestFunction)
  return { update: (bytes) => void state.update(bytes), digest: () => state.digest('hex') }
}

/**
 * Computes the digest of content that is already in memory.
 *
 * @throws StorageError `unsupported` as {@link createHasher} does.
 */
export function digestOf(bytes: Uint8Array, digestFunction: DigestFunction = 'sha256'): Digest {
  assertComputable(digestFunction)
  return createDigest(hash(digestFunction, bytes, 'hex'), bytes.byteLength, digestFunction)
}

/** Returns the digest of the blob of no bytes, which every protocol treats as always present. */
export function emptyDigest(digestFunction: DigestFunction = 'sha256'): Digest {
  return digestOf(new Uint8Array(0), digestFunction)
}

/**
 * Checks that content can be verified; a storage does so before it stores any.
 *
 * @throws StorageError `unsupported` as {@link createHasher} does.
 */
export function assertComputable(digestFunction: DigestFunction = 'sha256'): void {
  if (digestFunction !== 'blake3') return
  throw new StorageError('unsupported', 'digest: BLAKE3 cannot be computed here; use SHA-256')
}
