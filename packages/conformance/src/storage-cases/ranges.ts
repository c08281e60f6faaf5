import { assertRejects, assertSameBytes, readChunks } from '../assertions.ts'
import type { StorageCase } from '../storage-harness.ts'
import { makeBlob, sourceOf } from '../test-blob.ts'

/** `offset` and `length` of `getBlob`. */
export const rangeCases: readonly StorageCase[] = [
  {
    name: 'range: delivers the part that was asked for, clipped at the end',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))
        const middle = Math.floor(size / 2)

        for (const [offset, length] of [
          [0, size],
          [0, 1],
          [0, 0],
          [middle, undefined],
          [middle, 0],
          [middle, 1],
          [middle, size],
          [size - 1, 1],
          [1, Number.MAX_SAFE_INTEGER],
          [undefined, middle],
        ] as const) {
          const expected = blob.bytes.subarray(offset ?? 0, (offset ?? 0) + (length ?? size))
          const what = `offset ${offset}, length ${length} of ${size} bytes`
          assertSameBytes(await readChunks(await storage.getBlob(blob.digest, { offset, length })), expected, what)
        }
      }
    },
  },
  {
    name: 'range: an offset at the end gives zero bytes',
    async run({ storage, blobSizes }) {
      for (const size of [0, ...blobSizes]) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))

        const read = await readChunks(await storage.getBlob(blob.digest, { offset: size }))

        assertSameBytes(read, new Uint8Array(0), `offset ${size} of ${size} bytes`)
      }
    },
  },
  {
    name: 'range: an offset beyond the end, or a part of a byte, is an invalid argument',
    async run({ storage, blobSizes }) {
      for (const size of blobSizes) {
        const blob = makeBlob(size, size)
        await storage.commitWrite(blob.digest, sourceOf(blob))

        for (const range of [
          { offset: size + 1 },
          { offset: -1 },
          { offset: 0.5 },
          { offset: Number.NaN },
          { length: -1 },
          { length: 0.5 },
          { offset: size + 1, length: 0 },
        ]) {
          await assertRejects(
            storage.getBlob(blob.digest, range),
            'invalid-argument',
            `getBlob ${JSON.stringify(range)}`,
          )
        }
      }
    },
  },
]
