import assert from 'node:assert/strict'
import type { StorageABC } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { assertAbsent, assertRejects, assertSameBytes, assertStored, listedKeys, readChunks } from '../assertions.ts'
import type { StorageCase } from '../storage-harness.ts'
import { QUOTA_BYTES } from '../storage-harness.ts'
import { makeBlob, makeBlobs, sourceOf } from '../test-blob.ts'
import { LARGE, SMALL, uses, writeUntilOneIsGone } from './eviction.ts'

/** What a storage with a quota keeps, and what it lets go. */
export const quotaCases: readonly StorageCase[] = [
  ...Object.entries(uses).map(([name, use]): StorageCase => ({
    name: `touch: ${name} counts as use`,
    needs: 'quota',
    async run({ storage }) {
      for (const size of [SMALL, LARGE]) {
        const used = makeBlob(1, size)
        // Room for one may take more than one of them.
        const unused = makeBlobs(3, size, 2)
        for (const blob of [used, ...unused]) await storage.commitWrite(blob.digest, sourceOf(blob))

        await use(storage, used)
        await writeUntilOneIsGone(storage, [used, ...unused], size)

        const kept = await listedKeys(storage)
        assert.ok(kept.has(used.digest.hash), `of some blobs of ${size} bytes the one in use was evicted first`)
      }
    },
  })),
  {
    name: 'resolved means stored: a blob larger than the quota is refused, not dropped',
    needs: 'quota',
    async run({ storage }) {
      const small = makeBlob(1, SMALL)
      await storage.commitWrite(small.digest, sourceOf(small))
      const tooLarge = makeBlob(2, QUOTA_BYTES + 1)

      await assertRejects(
        storage.commitWrite(tooLarge.digest, sourceOf(tooLarge)),
        ['too-large', 'no-space'],
        'commitWrite',
      )
      const [status] = await storage.bulkUpdateBlobs([[tooLarge.digest, tooLarge.bytes]])

      assert.notEqual(status?.code, 'ok', 'bulkUpdateBlobs: reports success for a blob that cannot be kept')
      await assertAbsent(storage, tooLarge.digest)
      await assertStored(storage, small)
    },
  },
  {
    name: 'resolved means stored: what was just written is there, however full the storage is',
    needs: 'quota',
    async run({ storage }) {
      for (const blob of [...makeBlobs(40, LARGE), ...makeBlobs(200, SMALL, 1000)]) {
        await storage.commitWrite(blob.digest, sourceOf(blob))
        await assertStored(storage, blob)
      }
    },
  },
  {
    name: 'quota: what is kept never exceeds it, by single writes or in bulk',
    needs: 'quota',
    async run({ storage }) {
      for (const blob of makeBlobs(30, LARGE)) await storage.commitWrite(blob.digest, sourceOf(blob))
      assert.ok((await listedBytes(storage)) <= QUOTA_BYTES, 'commitWrite: the quota is exceeded')

      const blobs = makeBlobs(100, LARGE / 2, 500)
      const statuses = await storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))

      assert.ok((await listedBytes(storage)) <= QUOTA_BYTES, 'bulkUpdateBlobs: the quota is exceeded')
      assert.ok(statuses.some(({ code }) => code === 'ok'))
    },
  },
  {
    name: 'quota: concurrent writes of more than fits either succeed or say why not',
    needs: 'quota',
    async run({ storage }) {
      const outcomes = await Promise.allSettled(
        makeBlobs(60, LARGE).map((blob) => storage.commitWrite(blob.digest, sourceOf(blob))),
      )

      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') continue
        assert.ok(StorageError.is(outcome.reason, 'no-space'), `a write failed with ${String(outcome.reason)}`)
      }
      assert.ok((await listedBytes(storage)) <= QUOTA_BYTES, 'the quota is exceeded')
      const after = makeBlob(999, LARGE)
      await storage.commitWrite(after.digest, sourceOf(after))
      await assertStored(storage, after)
    },
  },
  {
    name: 'snapshot: an open reader reads to its end after the blob was evicted',
    needs: 'quota',
    async run({ storage }) {
      const blob = makeBlob(1, LARGE)
      await storage.commitWrite(blob.digest, sourceOf(blob))
      const reader = await storage.getBlob(blob.digest)

      await writeUntilOneIsGone(storage, [blob], LARGE)

      assertSameBytes(await readChunks(reader), blob.bytes, 'a reader of an evicted blob')
    },
  },
]

async function listedBytes(storage: StorageABC): Promise<number> {
  let total = 0
  for await (const { digest } of storage.listBlobs()) total += digest.sizeBytes
  return total
}
