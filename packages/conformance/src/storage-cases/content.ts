import assert from 'node:assert/strict'
import { digestFunctions, sourceFromBytes } from '@caskade/core'
import { assertAbsent, assertRejects, assertSameBytes, assertStored, readChunks } from '../assertions.ts'
import type { StorageCase } from '../storage-harness.ts'
import { makeBlob, sourceOf, sourceOfChunks } from '../test-blob.ts'

/** What is read is what was written, in every way of reading and writing. */
export const contentCases: readonly StorageCase[] = [
  {
    name: 'getBlob: delivers what was written, at every size and in every way of reading',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))

        assertSameBytes(await readChunks(await storage.getBlob(blob.digest)), blob.bytes, 'iterating')
        await assertStored(storage, blob)
        const reader = await storage.getBlob(blob.digest)
        assert.ok(reader)
        assert.equal(reader.sizeBytes, size)
        const streamed: Uint8Array[] = []
        for await (const chunk of reader.stream()) streamed.push(chunk)
        assertSameBytes(Buffer.concat(streamed), blob.bytes, 'stream()')
      }
    },
  },
  {
    name: 'getBlob: gives a reader that is read once and can be dropped unread',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))
        const reader = await storage.getBlob(blob.digest)
        await reader?.bytes()
        const dropped = await storage.getBlob(blob.digest)
        await dropped?.[Symbol.asyncDispose]()

        await assertRejects(readChunks(reader), 'invalid-argument', 'reading a second time')
        await assertRejects(readChunks(dropped), 'invalid-argument', 'reading after it was disposed')
        await dropped?.[Symbol.asyncDispose]()
        await assertStored(storage, blob)
      }
    },
  },
  {
    name: 'getBlob: a reader that is left early does no harm',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))
        const reader = await storage.getBlob(blob.digest)
        assert.ok(reader)

        for await (const chunk of reader) if (chunk.byteLength > 0) break

        await assertStored(storage, blob)
      }
    },
  },
  {
    name: 'commitWrite: accepts content in many chunks, empty ones among them',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        const step = Math.ceil(size / 7)
        const chunks: Uint8Array[] = [new Uint8Array(0)]
        for (let at = 0; at < size; at += step) chunks.push(blob.bytes.subarray(at, at + step), new Uint8Array(0))

        await storage.commitWrite(blob.digest, sourceOfChunks(size, chunks))

        await assertStored(storage, blob)
      }
    },
  },
  {
    name: 'commitWrite: keeps its own copy of the content',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        const mutable = Uint8Array.from(blob.bytes)
        await storage.commitWrite(blob.digest, sourceFromBytes(mutable))

        mutable.fill(0)

        await assertStored(storage, blob)
      }
    },
  },
  {
    name: 'empty blob: is an ordinary blob, absent until it is written',
    needs: 'no-empty-blob',
    async run({ storage }) {
      const empty = makeBlob(1, 0)
      await assertAbsent(storage, empty.digest)

      await storage.commitWrite(empty.digest, sourceOf(empty))
      await assertStored(storage, empty)
      assertSameBytes(await readChunks(await storage.getBlob(empty.digest)), empty.bytes, 'iterating')

      await storage.deleteBlob(empty.digest)
      await assertAbsent(storage, empty.digest)
    },
  },
  {
    name: 'empty blob: is always there where protocols want it so, in every digest function',
    needs: 'empty-blob',
    async run({ storage }) {
      for (const digestFunction of digestFunctions.filter((each) => each !== 'blake3')) {
        const empty = makeBlob(1, 0, digestFunction)
        const other = makeBlob(1, 5, digestFunction)

        await storage.deleteBlob(empty.digest)
        await storage.bulkDelete([empty.digest])
        await assertStored(storage, empty)
        await storage.commitWrite(empty.digest, sourceOf(empty))
        const statuses = await storage.bulkUpdateBlobs([
          [other.digest, empty.bytes],
          [empty.digest, empty.bytes],
          [empty.digest, other.bytes],
          [other.digest, other.bytes],
        ])

        const codes = statuses.map(({ code }) => code)
        assert.deepEqual(codes, ['invalid-argument', 'ok', 'invalid-argument', 'ok'])
        await assertStored(storage, empty)
        await assertStored(storage, other)
        assert.deepEqual(await storage.missingBlobs([empty.digest, other.digest]), [])
        assert.equal((await storage.bulkReadBlobs([empty.digest, other.digest])).size, 2)
        assert.deepEqual(await storage.resolveHash(empty.digest.hash, digestFunction), empty.digest)
        const opened = await storage.getBlobByHash(empty.digest.hash, digestFunction)
        assertSameBytes(await readChunks(opened?.reader ?? null), empty.bytes, 'getBlobByHash: of no bytes')
      }
    },
  },
  {
    name: 'digest functions: the same content under each is a blob of its own',
    async run({ storage }) {
      const blobs = digestFunctions.filter((each) => each !== 'blake3').map((each) => makeBlob(1, 1000, each))
      const many = Array.from({ length: 5 }, () => blobs.map(({ digest }) => digest)).flat()
      for (const [index, blob] of blobs.entries()) {
        await assertAbsent(storage, blob.digest)
        await storage.commitWrite(blob.digest, sourceOf(blob))
        for (const earlier of blobs.slice(0, index + 1)) await assertStored(storage, earlier)
        assert.deepEqual(await storage.resolveHash(blob.digest.hash, blob.digest.digestFunction), blob.digest)
        const absent = many.filter((digest) => blobs.slice(index + 1).some((later) => later.digest === digest))
        assert.deepEqual(await storage.missingBlobs(many), absent, 'missingBlobs: of many')
      }
    },
  },
]
