import assert from 'node:assert/strict'
import type { BlobReader, StorageABC } from '@caskade/core'
import { assertAbsent, assertSameBytes, assertStopsInTime, assertStored, readChunks } from '../assertions.ts'
import type { StorageCase } from '../storage-harness.ts'
import type { TestBlob } from '../test-blob.ts'
import { makeBlob, sourceOf } from '../test-blob.ts'

/** The ways in which a reader is left without having been read to its end. */
const departures: Readonly<Record<string, (reader: BlobReader) => Promise<unknown>>> = {
  'disposed unread': async (reader) => reader[Symbol.asyncDispose](),
  'disposed unread, twice': async (reader) => {
    await reader[Symbol.asyncDispose]()
    await reader[Symbol.asyncDispose]()
  },
  'disposed unread, twice at once': (reader) =>
    Promise.all([reader[Symbol.asyncDispose](), reader[Symbol.asyncDispose]()]),
  'disposed with an iterator that never began': async (reader) => {
    reader[Symbol.asyncIterator]()
    await reader[Symbol.asyncDispose]()
  },
  'disposed half-way': async (reader) => {
    await reader[Symbol.asyncIterator]().next()
    await reader[Symbol.asyncDispose]()
  },
  'disposed while it reads': async (reader) => {
    // Heard at once: it may reject before the disposal has ended.
    const reading = reader[Symbol.asyncIterator]()
      .next()
      .catch(() => undefined)
    await reader[Symbol.asyncDispose]()
    await reading
  },
  'left half-way': async (reader) => {
    for await (const _ of reader) break
  },
  'cancelled as a stream': (reader) => reader.stream().cancel(),
  'cancelled as a stream, half-way': async (reader) => {
    const streamReader = reader.stream().getReader()
    await streamReader.read()
    await streamReader.cancel()
  },
  'read and then disposed': async (reader) => {
    await reader.bytes()
    await reader[Symbol.asyncDispose]()
  },
}

/** Several readers of one blob, and readers that are left. */
export const readerCases: readonly StorageCase[] = [
  {
    name: 'getBlob: a reader that is left in any way keeps nothing open, and stop does not wait for it',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))

        for (const leave of Object.values(departures)) {
          for (const range of [{}, { offset: size - 1 }, { length: 0 }]) {
            const reader = await storage.getBlob(blob.digest, range)
            assert.ok(reader)
            await leave(reader)
          }
        }

        await assertStored(storage, blob)
        await assertStopsInTime(storage)
        await storage.start()
      }
    },
  },
  {
    name: 'getBlob: a buffer that was lent holds one chunk, and is of no use to the storage after that',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))
        for (const offset of [0, size >> 1]) {
          assertSameBytes(await readIntoLent(storage, blob, offset), blob.bytes.subarray(offset), 'read into buffers')
        }
        await assertStored(storage, blob)
      }
    },
  },
  {
    name: 'bulkReadBlobs: a buffer that was lent holds one blob, and is of no use to the storage after that',
    async run({ storage, blobSizes }) {
      const blobs = blobSizes.map((size) => makeBlob(size, size))
      for (const blob of blobs) await storage.commitWrite(blob.digest, sourceOf(blob))
      const lent: Uint8Array[] = []
      const take = (sizeBytes: number): Uint8Array => {
        const buffer = new Uint8Array(sizeBytes)
        lent.push(buffer)
        return buffer
      }

      const found = await storage.bulkReadBlobs(
        blobs.map(({ digest }) => digest),
        { buffers: { take } },
      )

      for (const { digest, bytes } of blobs) {
        assertSameBytes(found.get(digest.hash) ?? new Uint8Array(0), bytes, 'read into buffers')
      }
      for (const buffer of lent) buffer.fill(0)
      for (const blob of blobs) await assertStored(storage, blob)
    },
  },
  {
    name: 'snapshot: readers at different places of a blob that is deleted and written again read on to the end',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))
        const offset = size >> 1
        const [unread, begun, part, partly] = await Promise.all(
          [{}, {}, { offset }, { offset, length: size }].map((range) => storage.getBlob(blob.digest, range)),
        )
        assert.ok(begun && partly)
        const finish = [await begin(begun), await begin(partly)]

        await storage.deleteBlob(blob.digest)
        const whileAbsent = await finish[0]?.()
        await assertAbsent(storage, blob.digest)
        await storage.commitWrite(blob.digest, sourceOf(blob))
        const fresh = await storage.getBlob(blob.digest)
        await storage.deleteBlob(blob.digest)

        const tail = blob.bytes.subarray(offset)
        assertSameBytes(whileAbsent ?? new Uint8Array(0), blob.bytes, 'a reader that goes on while the blob is absent')
        assertSameBytes((await finish[1]?.()) ?? new Uint8Array(0), tail, 'a reader that had begun a range')
        assertSameBytes(await readChunks(part ?? null), tail, 'a reader of a range that had not begun')
        assertSameBytes(await readChunks(unread ?? null), blob.bytes, 'a reader that had not begun')
        assertSameBytes(await readChunks(fresh), blob.bytes, 'a reader of what was written again')
        await assertAbsent(storage, blob.digest)
      }
    },
  },
]

/** Reads a blob from an offset, and writes to each buffer that it lent as soon as it has the chunk. */
async function readIntoLent(storage: StorageABC, { digest }: TestBlob, offset: number): Promise<Uint8Array> {
  const lent = new Set<ArrayBufferLike>()
  const take = (sizeBytes: number): Uint8Array => {
    const buffer = new Uint8Array(sizeBytes)
    lent.add(buffer.buffer)
    return buffer
  }
  const reader = await storage.getBlob(digest, { offset, buffers: { take } })
  assert.ok(reader, 'getBlob: a stored blob is not found')
  const chunks: Uint8Array[] = []
  for await (const chunk of reader) {
    chunks.push(Uint8Array.from(chunk))
    if (lent.has(chunk.buffer)) chunk.fill(0)
  }
  return Buffer.concat(chunks)
}

/** Reads the first chunk; the returned function reads the rest and resolves to all of it. */
async function begin(reader: BlobReader): Promise<() => Promise<Uint8Array>> {
  const iterator = reader[Symbol.asyncIterator]()
  const chunks: Uint8Array[] = []
  const take = async (): Promise<boolean> => {
    const { done, value } = await iterator.next()
    if (done !== true) chunks.push(value)
    return done !== true
  }
  await take()
  return async () => {
    while (await take());
    return Buffer.concat(chunks)
  }
}
