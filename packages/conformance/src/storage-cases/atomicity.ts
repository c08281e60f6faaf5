import assert from 'node:assert/strict'
import {
  assertAbsent,
  assertRejects,
  assertRejectsWith,
  assertSameBytes,
  assertStored,
  readChunks,
} from '../assertions.ts'
import type { StorageCase } from '../storage-harness.ts'
import { failingSource, gatedSource, makeBlob, sourceOf, sourceOfChunks } from '../test-blob.ts'

/** A blob is wholly there or wholly absent, whatever happens around it. */
export const atomicityCases: readonly StorageCase[] = [
  {
    name: 'commitWrite: shows nothing until the whole source was read',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes.filter((each) => each > 1)) {
        const blob = makeBlob(size, size)
        const source = gatedSource(blob)

        const writing = storage.commitWrite(blob.digest, source)
        await source.reachedGate
        await assertAbsent(storage, blob.digest)
        source.openGate()
        await writing

        await assertStored(storage, blob)
      }
    },
  },
  {
    name: 'commitWrite: leaves nothing behind when the source fails half-way',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        const failure = new Error('the source broke')

        await assertRejectsWith(storage.commitWrite(blob.digest, failingSource(blob, failure)), failure, 'commitWrite')

        await assertAbsent(storage, blob.digest)
        await storage.commitWrite(blob.digest, sourceOf(blob))
        await assertStored(storage, blob)
      }
    },
  },
  {
    name: 'length: a source shorter than the digest says is refused',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        const short = sourceOfChunks(size, [blob.bytes.subarray(0, size - 1)])

        await assertRejects(
          storage.commitWrite(blob.digest, short),
          'invalid-argument',
          'commitWrite of a short source',
        )

        await assertAbsent(storage, blob.digest)
      }
    },
  },
  {
    name: 'length: a source longer than the digest says is refused',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        const long = sourceOfChunks(size, [blob.bytes, new Uint8Array(1)])

        await assertRejects(storage.commitWrite(blob.digest, long), 'invalid-argument', 'commitWrite of a long source')

        await assertAbsent(storage, blob.digest)
      }
    },
  },
  {
    name: 'length: a source that announces another size is refused',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        const source = { ...sourceOf(blob), sizeBytes: size + 1 }

        await assertRejects(storage.commitWrite(blob.digest, source), 'invalid-argument', 'commitWrite')

        await assertAbsent(storage, blob.digest)
      }
    },
  },
  {
    name: 'idempotent: writing what is there succeeds and changes nothing',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)

        for (let round = 0; round < 3; round++) await storage.commitWrite(blob.digest, sourceOf(blob))

        await assertStored(storage, blob)
      }
    },
  },
  {
    name: 'idempotent: 100 concurrent writers of one blob all succeed',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)

        await Promise.all(Array.from({ length: 100 }, () => storage.commitWrite(blob.digest, sourceOf(blob))))

        await assertStored(storage, blob)
      }
    },
  },
  {
    name: 'idempotent: a writer that fails does not take the blob from one that succeeds',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        const failure = new Error('the source broke')

        const outcomes = await Promise.allSettled([
          storage.commitWrite(blob.digest, failingSource(blob, failure)),
          storage.commitWrite(blob.digest, sourceOf(blob)),
          storage.commitWrite(blob.digest, failingSource(blob, failure)),
        ])

        assert.equal(outcomes[1].status, 'fulfilled')
        await assertStored(storage, blob)
      }
    },
  },
  {
    name: 'snapshot: an open reader reads to its end after the blob was deleted',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))
        const unread = await storage.getBlob(blob.digest)
        const begun = await storage.getBlob(blob.digest)
        assert.ok(begun)
        const iterator = begun[Symbol.asyncIterator]()
        const first = await iterator.next()
        assert.ok(first.done !== true)

        await storage.deleteBlob(blob.digest)

        const chunks = [first.value]
        for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) chunks.push(next.value)
        assertSameBytes(Buffer.concat(chunks), blob.bytes, 'a reader that had begun')
        assertSameBytes(await readChunks(unread), blob.bytes, 'a reader that had not begun')
        await assertAbsent(storage, blob.digest)
      }
    },
  },
]
