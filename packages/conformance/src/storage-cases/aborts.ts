import assert from 'node:assert/strict'
import type { BlobReader, BlobSource } from '@caskade/core'
import { readerFromChunks } from '@caskade/core'
import { assertSameBytes, assertStored, assertWholeOrAbsent } from '../assertions.ts'
import { doneOrAborted, giveUpAt, moments } from '../moments.ts'
import type { StorageCase } from '../storage-harness.ts'
import type { TestBlob } from '../test-blob.ts'
import { makeBlob, sourceOf } from '../test-blob.ts'
import { methodCalls } from './methods.ts'

const CHUNKS = 5

/** Operations that their caller gives up while they are under way. */
export const abortCases: readonly StorageCase[] = [
  ...Object.entries(methodCalls).map(([name, { effect, call }]): StorageCase => ({
    name: `abort: ${name}, given up at any moment, answers rightly or rejects with the reason, and does no harm`,
    async run({ storage, harness, blobSizes }) {
      for (const size of new Set([blobSizes.at(0) ?? 1, blobSizes.at(-1) ?? 1])) {
        const blob = makeBlob(size, size)

        for (const moment of moments) {
          if (effect === 'writes') await storage.deleteBlob(blob.digest)
          else await storage.commitWrite(blob.digest, sourceOf(blob))

          const outcome = await giveUpAt(moment, (signal) => call(storage, blob, { signal }))

          // What was given up may be about to happen on the other side.
          if (outcome !== 'aborted' || effect === 'reads' || harness.isRemote !== true) {
            const isStored = await assertWholeOrAbsent(storage, blob)
            if (effect === 'reads') assert.ok(isStored, `${name}: took the blob with it`)
            else if (outcome !== 'aborted') {
              assert.equal(isStored, effect === 'writes', `${name}: succeeded and did nothing`)
            }
          }
          await storage.commitWrite(blob.digest, sourceOf(blob))
          await assertStored(storage, blob)
          if (outcome === 'over') break
        }
      }
    },
  })),
  {
    name: 'abort: commitWrite, given up after any chunk of its source, leaves the blob whole or absent',
    async run({ storage, harness, blobSizes }) {
      for (const size of blobSizes.filter((each) => each >= CHUNKS)) {
        const blob = makeBlob(size, size)
        for (let chunk = 0; chunk <= CHUNKS; chunk++) {
          const controller = new AbortController()
          const reason = new Error('enough')
          const source = sourceThatSays(blob, (delivered) => {
            if (delivered === chunk) controller.abort(reason)
          })

          const writing = storage.commitWrite(blob.digest, source, { signal: controller.signal })
          const isDone = await doneOrAborted(writing, reason, `commitWrite given up after ${chunk} chunks`)

          if (isDone || harness.isRemote !== true) {
            const isStored = await assertWholeOrAbsent(storage, blob)
            assert.ok(isStored || !isDone, 'commitWrite: succeeded and stored nothing')
          }
          await storage.commitWrite(blob.digest, sourceOf(blob))
          await assertStored(storage, blob)
          await storage.deleteBlob(blob.digest)
        }
      }
    },
  },
  {
    name: 'abort: ends a reader after any chunk with the reason, in every way of reading',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))

        for (const read of [(reader: BlobReader) => reader, (reader: BlobReader) => reader.stream()]) {
          for (let isWhole = false, count = 0; !isWhole; count++) {
            const controller = new AbortController()
            const reason = new Error('enough')
            const reader = await storage.getBlob(blob.digest, { signal: controller.signal })
            assert.ok(reader)
            const chunks: Uint8Array[] = []

            const reading = async (): Promise<void> => {
              if (count === 0) controller.abort(reason)
              for await (const chunk of read(reader)) if (chunks.push(chunk) === count) controller.abort(reason)
            }

            // A stream may have fetched a chunk more than it has handed out when it is told to end.
            isWhole = await doneOrAborted(reading(), reason, `reading given up after ${count} chunks`)
            const expected = blob.bytes.subarray(0, isWhole ? size : Buffer.concat(chunks).byteLength)
            assertSameBytes(Buffer.concat(chunks), expected, 'what was read')
            assert.ok(!isWhole || chunks.length <= count + 1, 'a reader goes on after it was given up')
          }
        }
        await assertStored(storage, blob)
      }
    },
  },
]

/** Makes a source of several chunks that tells how many it has delivered, before each and at the end. */
function sourceThatSays({ bytes }: TestBlob, say: (delivered: number) => void): BlobSource {
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    const step = Math.ceil(bytes.byteLength / CHUNKS)
    for (let chunk = 0; chunk < CHUNKS; chunk++) {
      say(chunk)
      yield bytes.subarray(chunk * step, (chunk + 1) * step)
    }
    say(CHUNKS)
  }
  // The reader pays no attention to signals, so that the storage must.
  return { sizeBytes: bytes.byteLength, open: () => readerFromChunks(bytes.byteLength, chunks()) }
}
