import assert from 'node:assert/strict'
import { assertAbsent, assertSameBytes, readChunks } from '../assertions.ts'
import type { StorageCase } from '../storage-harness.ts'
import { makeBlob, makeBlobs, sourceOf } from '../test-blob.ts'

/** Absence is an answer, never an error. */
export const absenceCases: readonly StorageCase[] = [
  {
    name: 'absent: a blob that was never written is null, false or missing',
    async run({ storage }) {
      await assertAbsent(storage, makeBlob(1, 10).digest)
    },
  },
  {
    name: 'absent: deleteBlob succeeds for a blob that is not there',
    async run({ storage }) {
      await storage.deleteBlob(makeBlob(1, 10).digest)
    },
  },
  {
    name: 'absent: a digest with the right hash and the wrong size names nothing',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))

        for (const sizeBytes of [size - 1, size + 1]) {
          const wrong = { ...blob.digest, sizeBytes }
          assert.equal(await storage.hasBlob(wrong), false, 'hasBlob: finds a blob of another size')
          assert.equal(await storage.getBlob(wrong), null, 'getBlob: opens a blob of another size')
          assert.deepEqual(await storage.missingBlobs([wrong]), [wrong])
          const many = Array.from({ length: 20 }, () => wrong)
          assert.deepEqual(await storage.missingBlobs([...many, blob.digest]), many, 'missingBlobs: of many')
          assert.equal((await storage.bulkReadBlobs([wrong])).size, 0, 'bulkReadBlobs: reads a blob of another size')
        }
      }
    },
  },
  {
    name: 'absent: a deleted blob is gone from every answer',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))

        await storage.deleteBlob(blob.digest)

        await assertAbsent(storage, blob.digest)
      }
    },
  },
  {
    name: 'resolveHash: completes the hash of a stored blob, and is null for any other',
    async run({ storage, blobSizes }) {
      const blobs = blobSizes.map((size) => makeBlob(size, size))
      for (const blob of blobs) await storage.commitWrite(blob.digest, sourceOf(blob))

      for (const { digest } of blobs) assert.deepEqual(await storage.resolveHash(digest.hash), digest)
      assert.equal(await storage.resolveHash(makeBlob(99, 99).digest.hash), null)
      assert.equal(await storage.resolveHash(makeBlob(99, 99, 'sha1').digest.hash, 'sha1'), null)
    },
  },
  {
    name: 'getBlobByHash: opens the stored blob of a hash, and is null for any other',
    async run({ storage, blobSizes }) {
      const blobs = [...blobSizes.map((size) => makeBlob(size, size)), makeBlob(98, 98, 'sha1')]
      for (const blob of blobs) await storage.commitWrite(blob.digest, sourceOf(blob))

      for (const { digest, bytes } of blobs) {
        const found = await storage.getBlobByHash(digest.hash, digest.digestFunction)
        assert.deepEqual(found?.digest, digest)
        assertSameBytes(await readChunks(found?.reader ?? null), bytes, 'getBlobByHash')
      }
      assert.equal(await storage.getBlobByHash(makeBlob(99, 99).digest.hash), null)
      for (const { digest } of blobs) await storage.deleteBlob(digest)
      for (const { digest } of blobs) {
        assert.equal(await storage.getBlobByHash(digest.hash, digest.digestFunction), null, 'getBlobByHash: deleted')
      }
    },
  },
  {
    name: 'listBlobs: ends although each blob is used as soon as it is listed',
    async run({ storage }) {
      const blobs = makeBlobs(20, 100)
      for (const blob of blobs) await storage.commitWrite(blob.digest, sourceOf(blob))

      let listed = 0
      for await (const { digest } of storage.listBlobs()) {
        listed += 1
        assert.ok(listed <= 10 * blobs.length, 'listBlobs: lists blobs again and again')
        await storage.hasBlob(digest)
      }
    },
  },
  {
    name: 'listBlobs: lists exactly what is stored',
    async run({ storage, blobSizes }) {
      const blobs = [...blobSizes.map((size) => makeBlob(size, size)), ...makeBlobs(40, 20)]
      for (const blob of blobs) await storage.commitWrite(blob.digest, sourceOf(blob))

      const listed = []
      for await (const { digest } of storage.listBlobs()) listed.push(`${digest.hash}/${digest.sizeBytes}`)

      const expected = blobs.map(({ digest }) => `${digest.hash}/${digest.sizeBytes}`)
      assert.deepEqual(listed.toSorted(), expected.toSorted())
    },
  },
]
