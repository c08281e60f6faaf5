import assert from 'node:assert/strict'
import type { StorageABC } from '@caskade/core'
import { listedKeys, readChunks } from '../assertions.ts'
import { QUOTA_BYTES } from '../storage-harness.ts'
import type { TestBlob } from '../test-blob.ts'
import { makeBlob, sourceOf } from '../test-blob.ts'

/** A size of which the quota holds many. */
export const SMALL: number = QUOTA_BYTES / 128

/** A size of which the quota holds a few. */
export const LARGE: number = QUOTA_BYTES / 12

/** Writes blobs of the given size until one of those named is no longer there; fails if all of them stay. */
export async function writeUntilOneIsGone(
  storage: StorageABC,
  blobs: readonly TestBlob[],
  size: number,
): Promise<void> {
  for (let seed = 10_000; seed < 10_000 + (3 * QUOTA_BYTES) / size; seed++) {
    const filler = makeBlob(seed, size)
    await storage.commitWrite(filler.digest, sourceOf(filler))
    const kept = await listedKeys(storage)
    if (blobs.some(({ digest }) => !kept.has(digest.hash))) return
  }
  assert.fail('nothing was evicted although three times the quota was written')
}

/** The uses that keep a blob from being the next to be evicted. */
export const uses: Readonly<Record<string, (storage: StorageABC, blob: TestBlob) => Promise<unknown>>> = {
  hasBlob: (storage, { digest }) => storage.hasBlob(digest),
  getBlob: async (storage, { digest }) => readChunks(await storage.getBlob(digest)),
  'getBlob of a range': async (storage, { digest }) => readChunks(await storage.getBlob(digest, { length: 1 })),
  missingBlobs: (storage, { digest }) => storage.missingBlobs([digest]),
  bulkReadBlobs: (storage, { digest }) => storage.bulkReadBlobs([digest]),
  commitWrite: (storage, blob) => storage.commitWrite(blob.digest, sourceOf(blob)),
  bulkUpdateBlobs: (storage, { digest, bytes }) => storage.bulkUpdateBlobs([[digest, bytes]]),
}
