import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import zlib from 'node:zlib'
import { readerFromBytes, readerFromChunks } from '@caskade/core'
import { describe, expect, test, vi } from 'vitest'
import { compress, compressSmall } from './zstd.ts'

const CHUNK_BYTES = 256 * 1024

/** Content that does not get smaller, so that the encoder soon waits for whoever reads it. */
function* incompressible(count: number): Generator<Uint8Array, void, undefined> {
  for (let index = 0; index < count; index++) yield randomBytes(CHUNK_BYTES)
}

/** Waits until something no longer changes, although the threads that compress had every opportunity. */
async function untilSteady(count: () => number): Promise<void> {
  for (let before = -1; count() !== before;) {
    before = count()
    for (let round = 0; round < 100; round++) await stat('.')
  }
}

describe('compress', () => {
  test('a reader left half-way is released, however much the encoder still has', async () => {
    const release = vi.fn<() => void>()
    let taken = 0
    const counted = function* (): Generator<Uint8Array, void, undefined> {
      for (const chunk of incompressible(40)) {
        taken += 1
        yield chunk
      }
    }
    const compressed = compress(readerFromChunks(40 * CHUNK_BYTES, counted(), { release }))
    await compressed.next()
    await untilSteady(() => taken)

    await compressed.return()

    expect(release).toHaveBeenCalledOnce()
  })

  test.each([0, 1, 1000, 65_536, 65_537, 300_000])(
    'delivers %i bytes, whatever they are, and releases the reader',
    async (size) => {
      for (const bytes of [randomBytes(size), Buffer.alloc(size, 'content')]) {
        const release = vi.fn<() => void>()

        const compressed = await Array.fromAsync(compress(readerFromBytes(bytes, { release })))

        expect(bytes.equals(zlib.zstdDecompressSync(Buffer.concat(compressed)))).toBe(true)
        expect(bytes.equals(zlib.zstdDecompressSync(await compressSmall(bytes)))).toBe(true)
        expect(release).toHaveBeenCalledOnce()
      }
    },
  )

  test('what the reader fails with reaches whoever reads', async () => {
    const failing = function* (): Generator<Uint8Array, void, undefined> {
      yield* incompressible(4)
      throw new Error('the disk is gone')
    }
    const read = async (): Promise<void> => {
      for await (const _ of compress(readerFromChunks(40 * CHUNK_BYTES, failing()))) continue
    }

    await expect(read()).rejects.toThrow('the disk is gone')
  })
})
