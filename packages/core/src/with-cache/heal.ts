import type { BlobReader } from '../blob-reader.ts'
import { readerFromChunks } from '../blob-reader.ts'
import type { Digest } from '../digest.ts'
import type { OperationOptions } from '../operation-options.ts'
import type { StorageABC } from '../storage-abc.ts'
import { StorageError } from '../storage-error.ts'
import { reportEvent } from '../storage-events.ts'
import { verifiedReader } from '../verified-reader.ts'
import type { CacheTier } from './cache-tier.ts'
import type { FillRegistry } from './fill-registry.ts'

/** What {@link heal} works with. */
export interface HealOptions extends OperationOptions {
  readonly tier: CacheTier
  readonly fallback: StorageABC
  readonly fills: FillRegistry
}

/** Stores anew in the fallback what was damaged there, if the cache has it whole; tells whether it did. */
export async function heal(digest: Digest, { tier, fallback, fills, signal }: HealOptions): Promise<boolean> {
  // A deletion that comes meanwhile cancels it, as it does a fill of the cache, and waits for it.
  const fill = fills.begin(digest)
  try {
    if (!fill.beginWriting()) return false
    const open = (): BlobReader => {
      const content = readerFromChunks(digest.sizeBytes, cachedContent(tier, digest, { signal }))
      return verifiedReader(content, digest, () => undefined)
    }
    await fallback.commitWrite(digest, { sizeBytes: digest.sizeBytes, open }, { signal })
    if (!fill.isCancelled && !fills.isBarred(digest)) return true
    await fallback.deleteBlob(digest)
    return false
  } catch (error) {
    signal?.throwIfAborted()
    if (!StorageError.is(error, 'not-cached') && !StorageError.is(error, 'corrupt')) {
      reportEvent({ kind: 'scrub-failure', storageType: 'WithCache', operation: 'heal', digest, error })
    }
    return false
  } finally {
    fill.end()
  }
}

async function* cachedContent(
  tier: CacheTier,
  digest: Digest,
  options: OperationOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = await tier.read(digest, { offset: 0, length: digest.sizeBytes }, options)
  if (reader === null || reader === undefined) {
    throw new StorageError('not-cached', 'WithCache: the cache has no copy to heal the fallback with', { digest })
  }
  yield* reader
}
