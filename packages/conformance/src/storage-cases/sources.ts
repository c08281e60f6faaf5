import assert from 'node:assert/strict'
import type { BlobSource, OperationOptions } from '@caskade/core'
import { readerFromChunks } from '@caskade/core'
import { assertAbsent, assertRejectsWith, assertStored } from '../assertions.ts'
import { turns } from '../moments.ts'
import type { StorageCase } from '../storage-harness.ts'
import { failingSource, gatedSource, makeBlob, sourceOf, sourceOfChunks } from '../test-blob.ts'

/** The many shapes in which content arrives. */
export const sourceCases: readonly StorageCase[] = [
  {
    name: 'commitWrite: accepts content byte by byte, and in thousands of small chunks',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        const chunks: Uint8Array[] = []
        for (let at = 0; at < size; at += chunks.at(-1)?.byteLength ?? 1) {
          chunks.push(blob.bytes.subarray(at, at + (at < 1000 ? 1 : 97)))
        }

        await storage.commitWrite(blob.digest, sourceOfChunks(size, chunks))

        await assertStored(storage, blob)
      }
    },
  },
  {
    name: 'commitWrite: accepts an empty blob of no chunk, or of empty ones',
    async run({ storage }) {
      const empty = makeBlob(1, 0)
      for (const chunks of [[], [new Uint8Array(0)], [new Uint8Array(0), new Uint8Array(0)]]) {
        await storage.deleteBlob(empty.digest)

        await storage.commitWrite(empty.digest, sourceOfChunks(0, chunks))

        await assertStored(storage, empty)
      }
    },
  },
  {
    name: 'commitWrite: takes of a chunk what it shows of its buffer, and no more',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        const larger = Buffer.alloc(size * 3 + 7, 0xee)
        const half = size >> 1
        larger.set(blob.bytes.subarray(half), 3)
        larger.set(blob.bytes.subarray(0, half), size + 5)

        await storage.commitWrite(
          blob.digest,
          sourceOfChunks(size, [larger.subarray(size + 5, size + 5 + half), larger.subarray(3, 3 + size - half)]),
        )
        larger.fill(0)
        await assertStored(storage, blob)

        await storage.deleteBlob(blob.digest)
        larger.set(blob.bytes, 5)
        await storage.bulkUpdateBlobs([[blob.digest, larger.subarray(5, 5 + size)]])
        larger.fill(0)
        await assertStored(storage, blob)
      }
    },
  },
  {
    name: 'commitWrite: a source that cannot be opened fails it with its own error, and leaves nothing behind',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        const failure = new Error('the source cannot be opened')
        const open = (): never => {
          throw failure
        }

        await assertRejectsWith(storage.commitWrite(blob.digest, { sizeBytes: size, open }), failure, 'commitWrite')

        await assertAbsent(storage, blob.digest)
        await storage.commitWrite(blob.digest, sourceOf(blob))
        await assertStored(storage, blob)
      }
    },
  },
  {
    name: 'commitWrite: reads what it opened to the end or disposes of it, however the write ends',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes.filter((each) => each > 1)) {
        const blob = makeBlob(size, size)
        const failure = new Error('the source broke')
        const controller = new AbortController()
        const stuck = gatedSource(blob)
        const [failing, short, givenUp, good] = [
          new WatchedSource(failingSource(blob, failure)),
          new WatchedSource(sourceOf({ ...blob, bytes: blob.bytes.subarray(1) }), size),
          new WatchedSource(stuck),
          new WatchedSource(sourceOf(blob)),
        ]

        await storage.commitWrite(blob.digest, failing).catch(() => undefined)
        await storage.commitWrite(blob.digest, short).catch(() => undefined)
        const writing = storage.commitWrite(blob.digest, givenUp, { signal: controller.signal })
        await stuck.reachedGate
        controller.abort(failure)
        await assertRejectsWith(writing, failure, 'commitWrite')
        await storage.commitWrite(blob.digest, good)
        await assertStored(storage, blob)
        await storage.stop()
        // A reader whose signal was aborted may take a moment to notice.
        await turns(3)

        for (const [name, source] of Object.entries({ failing, short, givenUp, good })) {
          assert.ok(source.openCount > 0, `${name}: the source was not opened`)
          assert.equal(source.releaseCount, source.openCount, `${name}: a reader of the source was left open`)
        }
        await storage.start()
      }
    },
  },
]

/** Passes on a source, and counts how many of its readers hold something. */
class WatchedSource implements BlobSource {
  readonly sizeBytes: number
  openCount = 0
  releaseCount = 0
  readonly #inner: BlobSource

  constructor(inner: BlobSource, sizeBytes = inner.sizeBytes) {
    this.#inner = inner
    this.sizeBytes = sizeBytes
  }

  open(options?: OperationOptions): ReturnType<BlobSource['open']> {
    this.openCount += 1
    const release = (): void => {
      this.releaseCount += 1
    }
    return readerFromChunks(this.#inner.sizeBytes, this.#inner.open(options), { ...options, release })
  }
}
