import assert from 'node:assert/strict'
import { assertAbsent, assertRejects, assertSameBytes, assertStored } from '../assertions.ts'
import type { StorageCase } from '../storage-harness.ts'
import { makeBlob, makeBlobs, sourceOf } from '../test-blob.ts'

/** The bulk methods: answers per item, in the order asked. */
export const bulkCases: readonly StorageCase[] = [
  {
    name: 'bulkUpdateBlobs: stores every good item and answers each in order',
    async run({ storage, blobSizes }) {
      const [first, second, ...others] = [...blobSizes.map((size) => makeBlob(size, size)), ...makeBlobs(20, 50)]
      assert.ok(first && second)
      const wrongHash = makeBlob(77, 64).digest
      const statuses = await storage.bulkUpdateBlobs([
        [first.digest, first.bytes],
        [wrongHash, first.bytes],
        [{ ...second.digest, sizeBytes: second.digest.sizeBytes + 1 }, second.bytes],
        [{ hash: '../../etc/passwd', sizeBytes: 3 }, first.bytes],
        ...[second, ...others, first].map(({ digest, bytes }) => [digest, bytes] as const),
      ])

      const bad = ['invalid-argument', 'invalid-argument', 'invalid-argument']
      assert.deepEqual(
        statuses.map(({ code }) => code),
        ['ok', ...bad, ...Array.from({ length: others.length + 2 }, () => 'ok')],
      )
      for (const blob of [first, second, ...others]) await assertStored(storage, blob)
      await assertAbsent(storage, wrongHash)
    },
  },
  {
    name: 'bulkUpdateBlobs: keeps its own copy of the content',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        const mutable = Uint8Array.from(blob.bytes)
        await storage.bulkUpdateBlobs([[blob.digest, mutable]])

        mutable.fill(0)

        await assertStored(storage, blob)
      }
    },
  },
  {
    name: 'missingBlobs: answers in the order asked, duplicates included',
    async run({ storage }) {
      const blobs = makeBlobs(3000, 30)
      const present = blobs.filter((_, index) => index % 3 === 0)
      await storage.bulkUpdateBlobs(present.map(({ digest, bytes }) => [digest, bytes]))
      const asked = [...blobs, ...blobs.slice(0, 10)].map(({ digest }) => digest)

      const missing = await storage.missingBlobs(asked)

      assert.deepEqual(
        missing,
        asked.filter((_, index) => (index < 3000 ? index : index - 3000) % 3 !== 0),
      )
    },
  },
  {
    name: 'bulkReadBlobs: reads what is there, and leaves out what is not',
    async run({ storage, blobSizes }) {
      const blobs = [...blobSizes.map((size) => makeBlob(size, size)), makeBlob(5, 0), ...makeBlobs(300, 40)]
      await storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))
      const absent = makeBlobs(5, 41).map(({ digest }) => digest)
      const asked = blobs.map(({ digest }) => digest)

      const read = await storage.bulkReadBlobs([...absent, ...asked, ...asked])

      assert.equal(read.size, blobs.length)
      for (const { digest, bytes } of blobs) {
        const found = read.get(digest.hash)
        assert.ok(found, 'bulkReadBlobs: a stored blob is not in the map')
        assertSameBytes(found, bytes, 'bulkReadBlobs')
      }
    },
  },
  {
    name: 'bulkDelete: deletes what is there, accepts what is not, and names what could not be deleted',
    async run({ storage, blobSizes }) {
      const kept = makeBlob(3, 30)
      const blobs = [...blobSizes.map((size) => makeBlob(size, size)), ...makeBlobs(300, 40)]
      for (const blob of [kept, ...blobs]) await storage.commitWrite(blob.digest, sourceOf(blob))
      const malformed = { hash: 'no-hash', sizeBytes: 1 }
      const digests = blobs.map(({ digest }) => digest)

      const failed = await storage.bulkDelete([malformed, makeBlob(1, 7).digest, ...digests, ...digests])

      assert.deepEqual(failed, ['no-hash/1'])
      assert.deepEqual(await storage.missingBlobs(digests), digests)
      await assertStored(storage, kept)
    },
  },
  {
    name: 'bulk: a thousand items, duplicates and malformed ones among them, are each answered in order',
    async run({ storage }) {
      const blobs = makeBlobs(1000, 20)
      const items = [...blobs.slice(0, 500), ...blobs.slice(0, 10), ...blobs.slice(500), ...blobs.slice(-10)]
      const bad = { hash: 'no-hash', sizeBytes: 1 }
      const worse = { hash: '../etc/passwd', sizeBytes: 2 }
      const digests = items.map(({ digest }) => digest)

      const statuses = await storage.bulkUpdateBlobs([
        [bad, new Uint8Array(1)],
        ...items.map(({ digest, bytes }) => [digest, bytes] as const),
        [worse, new Uint8Array(2)],
      ])
      const read = await storage.bulkReadBlobs(digests)
      const missing = await storage.missingBlobs(digests)
      const failed = await storage.bulkDelete([bad, ...digests, worse])

      const codes = statuses.map(({ code }) => code)
      assert.deepEqual(codes, ['invalid-argument', ...items.map(() => 'ok'), 'invalid-argument'])
      for (const { digest, bytes } of blobs)
        assertSameBytes(read.get(digest.hash) ?? Buffer.of(), bytes, 'bulkReadBlobs')
      assert.deepEqual(missing, [])
      assert.deepEqual(failed, ['no-hash/1', '../etc/passwd/2'])
      assert.deepEqual(await storage.missingBlobs(digests), digests)
    },
  },
  {
    name: 'bulk: one malformed digest among good ones fails missingBlobs and bulkReadBlobs as a whole',
    async run({ storage }) {
      const [stored, absent] = makeBlobs(2, 30)
      assert.ok(stored && absent)
      await storage.commitWrite(stored.digest, sourceOf(stored))
      const malformed = { hash: absent.digest.hash.toUpperCase(), sizeBytes: 30 }

      for (const digests of [
        [malformed, stored.digest, absent.digest],
        [stored.digest, malformed, absent.digest],
        [stored.digest, absent.digest, malformed],
      ]) {
        await assertRejects(storage.missingBlobs(digests), 'invalid-argument', 'missingBlobs')
        await assertRejects(storage.bulkReadBlobs(digests), 'invalid-argument', 'bulkReadBlobs')
      }

      await assertStored(storage, stored)
    },
  },
  {
    name: 'bulk: nothing asked, nothing answered',
    async run({ storage }) {
      assert.deepEqual(await storage.missingBlobs([]), [])
      assert.deepEqual(await storage.bulkDelete([]), [])
      assert.deepEqual(await storage.bulkUpdateBlobs([]), [])
      assert.equal((await storage.bulkReadBlobs([])).size, 0)
    },
  },
]
