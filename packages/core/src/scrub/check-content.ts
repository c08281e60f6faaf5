import type { BlobReader } from '../blob-reader.ts'
import type { Digest } from '../digest.ts'
import { createHasher } from '../hashing.ts'
import { StorageError } from '../storage-error.ts'

/**
 * What a check of a blob found.
 *
 * - `whole`: its content is what its digest says.
 * - `absent`: it is not stored.
 * - `damaged`: it was damaged, and was dropped.
 * - `healed`: it was damaged, and was replaced by whole content from elsewhere.
 */
export type BlobCondition = 'whole' | 'absent' | 'damaged' | 'healed'

/** Reads content to its end and tells whether it is what the digest says. Closes the reader. */
export async function isWhole(reader: BlobReader, digest: Digest): Promise<boolean> {
  const hasher = createHasher(digest.digestFunction)
  await using content = reader
  try {
    for await (const chunk of content) hasher.update(chunk)
  } catch (error) {
    if (StorageError.is(error, 'corrupt')) return false
    throw error
  }
  return hasher.digest() === digest.hash
}
