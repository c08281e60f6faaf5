import type { BlobReader } from '../blob-reader.ts'
import type { Digest } from '../digest.ts'
import { createHasher } from '../hashing.ts'
import type { OperationOptions } from '../operation-options.ts'
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

/** How a blob is checked. */
export interface CheckOptions extends OperationOptions {
  /** Called with the length of each piece that was read, in bytes; reading goes on when it resolves. */
  readonly pace?: ((bytes: number) => Promise<void>) | undefined
}

/** What {@link checkContent} needs. */
export interface ContentCheck extends CheckOptions {
  /** Opens the whole content; resolves to null when it is not stored. */
  readonly open: () => Promise<BlobReader | null>
  /**
   * Called, and awaited, when the content has another hash; not when the storage says itself that it is `corrupt`, because
   * it has dropped it then. A storage that verifies whatever it reads needs none.
   */
  readonly onDamaged?: ((error: StorageError) => Promise<void>) | undefined
}

/** Reads what is stored of a blob to its end and tells in what condition it is. */
export async function checkContent(
  digest: Digest,
  { open, onDamaged, pace }: ContentCheck,
): Promise<'whole' | 'absent' | 'damaged'> {
  const hasher = createHasher(digest.digestFunction)
  try {
    const reader = await open()
    if (reader === null) return 'absent'
    await using content = reader
    for await (const chunk of content) {
      hasher.update(chunk)
      await pace?.(chunk.byteLength)
    }
  } catch (error) {
    if (StorageError.is(error, 'corrupt')) return 'damaged'
    throw error
  }
  if (hasher.digest() === digest.hash) return 'whole'
  await onDamaged?.(corruptError(digest, 'the stored content has another hash'))
  return 'damaged'
}
