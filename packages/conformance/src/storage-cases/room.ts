import assert from 'node:assert/strict'
import { assertStored, listedKeys } from '../assertions.ts'
import type { StorageCase } from '../storage-harness.ts'
import { QUOTA_BYTES } from '../storage-harness.ts'
import { makeBlob, makeBlobs, sourceOf } from '../test-blob.ts'

const SIZE = QUOTA_BYTES / 12

/** What writes under way take of a quota. */
export const roomCases: readonly StorageCase[] = [
  {
    name: 'quota: 100 concurrent writers of one blob need no more room than one',
    needs: 'quota',
    async run({ storage }) {
      const others = makeBlobs(8, SIZE, 100)
      for (const blob of others) await storage.commitWrite(blob.digest, sourceOf(blob))
      const blob = makeBlob(1, SIZE)

      await Promise.all(Array.from({ length: 100 }, () => storage.commitWrite(blob.digest, sourceOf(blob))))

      const kept = await listedKeys(storage)
      const gone = others.filter(({ digest }) => !kept.has(digest.hash))
      assert.equal(gone.length, 0, `${gone.length} blobs were evicted although there was room for one more`)
      await assertStored(storage, blob)
    },
  },
]
