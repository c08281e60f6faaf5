import assert from 'node:assert/strict'
import type { StorageABC } from '@caskade/core'
import { assertAbsent, assertSameBytes, assertStored, readChunks } from '../assertions.ts'
import { doneOrAborted, turns } from '../moments.ts'
import type { StorageCase } from '../storage-harness.ts'
import type { TestBlob } from '../test-blob.ts'
import { failingSource, makeBlob, makeBlobs, sourceOf } from '../test-blob.ts'

/** What several clients do at once. */
export const concurrencyCases: readonly StorageCase[] = [
  {
    name: 'concurrency: writers, readers and deleters of one blob never fail, and readers get all of it or null',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)

        await Promise.all(
          Array.from({ length: 100 }, async (_, index) => {
            // Some of each begin together, others while those are at work.
            await turns(Math.floor(index / 5) % 4)
            for (let step = 0; step < 3; step++) {
              await [write, read, readInBulk, remove, write][(index + step) % 5]?.(storage, blob)
            }
          }),
        )

        await write(storage, blob)
        await assertStored(storage, blob)
        await remove(storage, blob)
        await assertAbsent(storage, blob.digest)
      }
    },
  },
  {
    name: 'concurrency: many blobs, written, read and deleted at once, do not meet',
    async run({ storage, blobSizes }) {
      const blobs = blobSizes.flatMap((size) => makeBlobs(size === 1 ? 2 : 6, size))
      const [kept, deleted] = [blobs.filter((_, index) => index % 2 === 0), blobs.filter((_, index) => index % 2 === 1)]

      await Promise.all([
        ...kept.map(async (blob) => {
          await write(storage, blob)
          await assertStored(storage, blob)
          await write(storage, blob)
        }),
        ...deleted.map(async (blob) => {
          await write(storage, blob)
          await assertStored(storage, blob)
          await remove(storage, blob)
        }),
      ])

      for (const blob of kept) await assertStored(storage, blob)
      for (const { digest } of deleted) await assertAbsent(storage, digest)
    },
  },
  {
    name: 'concurrency: a writer that is acknowledged while others fail or are given up has stored the blob',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        const controller = new AbortController()
        const reason = new Error('enough')
        const givenUp = Array.from({ length: 10 }, () => {
          const writing = storage.commitWrite(blob.digest, sourceOf(blob), { signal: controller.signal })
          return doneOrAborted(writing, reason, 'a writer among others')
        })
        const failing = storage.commitWrite(blob.digest, failingSource(blob, reason)).catch(() => undefined)
        const writing = write(storage, blob)
        await turns(1)

        controller.abort(reason)
        await writing

        await assertStored(storage, blob)
        await Promise.all([...givenUp, failing])
        await assertStored(storage, blob)
      }
    },
  },
]

async function write(storage: StorageABC, blob: TestBlob): Promise<void> {
  await storage.commitWrite(blob.digest, sourceOf(blob))
}

async function remove(storage: StorageABC, { digest }: TestBlob): Promise<void> {
  await storage.deleteBlob(digest)
}

async function read(storage: StorageABC, { digest, bytes }: TestBlob): Promise<void> {
  const reader = await storage.getBlob(digest)
  if (reader !== null) assertSameBytes(await readChunks(reader), bytes, 'a reader among writers and deleters')
}

async function readInBulk(storage: StorageABC, { digest, bytes }: TestBlob): Promise<void> {
  const found = (await storage.bulkReadBlobs([digest])).get(digest.hash)
  if (found !== undefined) assertSameBytes(found, bytes, 'bulkReadBlobs among writers and deleters')
  assert.ok((await storage.missingBlobs([digest])).length <= 1)
}
