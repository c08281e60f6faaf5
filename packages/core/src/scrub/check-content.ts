import type { BlobReader } from '../blob-reader.ts'
import type { Digest } from '../digest.ts'
import { createHasher } from '../hashing.ts'
import { StorageError } from '../storage-error.ts'
import { corruptError } from '../verified-reader.ts'

/**
 * What a check of a blob found.
 *
 * - `whole`: its content is what its digest says.
 * - `absent`: it is not stored.
 * - `damaged`: it was damaged, and was dropped.
 * - `healed`: it was damaged, and was replaced by whole content from elsewhere.
 */
export type BlobCondition = 'whole' | 'absent' | 'damaged' | 'healed'

/**
 * Reads what is stored of a blob to its end and tells in what condition it is. `onDamaged` is called, and awaited, when it
 * has another hash; not when the storage says itself that it is `corrupt`, because it has dropped it then. A storage that
 * verifies whatever it reads needs none.
 */
export async function checkContent(
  digest: Digest,
  open: () => Promise<BlobReader | null>,
  onDamaged?: (error: StorageError) => Promise<void>,
): Promise<'whole' | 'absent' | 'damaged'> {
  const hasher = createHasher(digest.digestFunction)
  try {
    const reader = await open()
    if (reader === null) return 'absent'
    await using content = reader
    for await (const chunk of content) hasher.update(chunk)
  } catch (error) {
    if (StorageError.is(error, 'corrupt')) return 'damaged'
    throw error
  }
  if (hasher.digest() === digest.hash) return 'whole'
  await onDamaged?.(corruptError(digest, 'the stored content has another hash'))
  return 'damaged'
}
