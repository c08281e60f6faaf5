import type { Digest, DigestFunction } from '@caskade/core'
import { copyHashWords, MAX_HASH_WORDS } from '@caskade/core/lookup'

/** The first byte of a key, on disk: never change one. */
const FUNCTION_CODES: Readonly<Record<DigestFunction, number>> = { sha256: 1, sha1: 2, sha384: 3, sha512: 4, blake3: 5 }

const FUNCTIONS = new Map(Object.entries(FUNCTION_CODES).map(([name, code]) => [code, name as DigestFunction]))

/** The key under which a digest is stored: one byte for the function, then the bytes of the hash. */
export function blobKey({ hash, digestFunction = 'sha256' }: Pick<Digest, 'hash' | 'digestFunction'>): Buffer {
  const key = Buffer.allocUnsafe(1 + hash.length / 2)
  key[0] = FUNCTION_CODES[digestFunction]
  key.write(hash, 1, 'hex')
  return key
}

/** How long the keys are of digests whose hashes have 64 digits, which is nearly all. */
export const USUAL_KEY_BYTES = 33

const words = new Uint32Array(MAX_HASH_WORDS)

/** Writes such a key at a position in `target`; returns false for a digest whose key is of another length. */
export function writeUsualKey(digest: Digest, target: Buffer, at: number): boolean {
  if (digest.hash.length !== 2 * (USUAL_KEY_BYTES - 1)) return false
  target[at] = FUNCTION_CODES[digest.digestFunction ?? 'sha256']
  copyHashWords(digest, words, digest.hash.length / 8)
  for (let index = 0; index < USUAL_KEY_BYTES - 1; index += 1) {
    target[at + 1 + index] = (words[index >>> 2] ?? 0) >>> (24 - 8 * (index & 3))
  }
  return true
}

/** The digest of a stored key. */
export function digestOfKey(key: Uint8Array, sizeBytes: number): Digest {
  const digestFunction = FUNCTIONS.get(key[0] ?? 0) ?? 'sha256'
  const hash = Buffer.from(key.buffer, key.byteOffset + 1, key.byteLength - 1).toString('hex')
  return digestFunction === 'sha256' ? { hash, sizeBytes } : { hash, sizeBytes, digestFunction }
}

/** Writes the references of an entry one after the other: length of the key, key, size. */
export function encodeReferences(references: readonly Digest[]): Buffer {
  const parts: Buffer[] = []
  for (const digest of references) {
    const key = blobKey(digest)
    const size = Buffer.allocUnsafe(8)
    size.writeBigUInt64LE(BigInt(digest.sizeBytes))
    parts.push(Buffer.of(key.byteLength), key, size)
  }
  return Buffer.concat(parts)
}

/** Reads what {@link encodeReferences} wrote. */
export function decodeReferences(encoded: Uint8Array): Digest[] {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength)
  const references: Digest[] = []
  for (let at = 0; at < bytes.byteLength;) {
    const keyEnd = at + 1 + (bytes[at] ?? 0)
    references.push(digestOfKey(bytes.subarray(at + 1, keyEnd), Number(bytes.readBigUInt64LE(keyEnd))))
    at = keyEnd + 8
  }
  return references
}
