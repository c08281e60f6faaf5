import { StorageError, WithCacheStorage } from '@caskade/core'
import { describe, expect, test, vi } from 'vitest'
import { assertSameBytes, readChunks } from '../assertions.ts'
import type { TestBlob } from '../index.ts'
import { failing, flippingBits, makeBlob, makeBlobs, on, sourceOf, truncating } from '../index.ts'
import { chunked, GuardedTests } from './guard.fixture.ts'

const LARGE = 1_000_000

const guarded = new GuardedTests()

describe('a cache that fails', () => {
  test('is left alone after five failures in a row', async () => {
    const blob = await guarded.inBoth(makeBlob(1, 100))
    guarded.cache.plan = failing()

    for (let round = 0; round < 10; round++) await guarded.read(blob)

    // A read asks it, and then tries to fill it.
    expect(guarded.cache.calls).toEqual({ getBlob: 3, commitWrite: 2 })
    expect(guarded.kinds.filter((kind) => kind === 'cache-disabled')).toHaveLength(1)
  })

  test('is not left alone for choosing what it keeps', async () => {
    guarded.cache.plan = on('commitWrite', failing(new StorageError('too-large', 'not this one')))

    for (const blob of makeBlobs(20, 100)) await guarded.storage.commitWrite(blob.digest, sourceOf(blob))

    expect(guarded.cache.calls).toEqual({ commitWrite: 20 })
    expect(guarded.events).toEqual([])
  })
})

describe('a cache that lies', () => {
  test.each([
    ['a flipped bit', flippingBits(50)],
    ['a missing end', truncating(50)],
  ])('with %s in a small blob is found out before the first byte, and healed', async (_, plan) => {
    const blob = await guarded.inBoth(makeBlob(1, 100))
    guarded.cache.plan = on('getBlob', plan)

    assertSameBytes(await guarded.read(blob), blob.bytes, 'getBlob')
    guarded.cache.plan = {}
    await guarded.settled()
    guarded.fallback.forgetCalls()
    assertSameBytes(await guarded.read(blob), blob.bytes, 'the next read')

    expect(guarded.fallback.calls).toEqual({})
  })

  test('is not believed in a part of a small blob', async () => {
    const blob = await guarded.inBoth(makeBlob(1, 100))
    guarded.cache.plan = on('getBlob', flippingBits(50))

    const part = await readChunks(await guarded.storage.getBlob(blob.digest, { offset: 50, length: 10 }))

    assertSameBytes(part, blob.bytes.subarray(50, 60), 'a part')
    expect(guarded.kinds).toEqual(['corrupt'])
  })

  test('is not asked for a part of a large blob, which nobody could verify', async () => {
    const blob = await guarded.inBoth(makeBlob(1, LARGE))
    guarded.cache.plan = on('getBlob', flippingBits(50))

    const part = await readChunks(await guarded.storage.getBlob(blob.digest, { offset: 50, length: 10 }))

    assertSameBytes(part, blob.bytes.subarray(50, 60), 'a part')
    expect(guarded.cache.calls).toEqual({})
  })

  test('fails the reading of a large blob before its last chunk, and is healed for the next', async () => {
    const blob = await guarded.inBoth(makeBlob(1, LARGE))
    guarded.cache.plan = on('getBlob', { content: chunked(flippingBits(500_000).content) })
    const reader = await guarded.storage.getBlob(blob.digest)
    let received = 0

    const outcome = (async () => {
      for await (const chunk of reader ?? []) received += chunk.byteLength
    })()

    await expect(outcome).rejects.toMatchObject({ code: 'corrupt' })
    expect(received).toBeLessThan(LARGE)
    guarded.cache.plan = {}
    assertSameBytes(await guarded.read(blob), blob.bytes, 'the next read')
  })

  test('is not believed in bulkReadBlobs', async () => {
    const blobs = makeBlobs(5, 100)
    for (const blob of blobs) await guarded.inBoth(blob)
    guarded.cache.plan = on('bulkReadBlobs', flippingBits(1))

    const found = await guarded.storage.bulkReadBlobs(blobs.map(({ digest }) => digest))

    expectWhole(
      blobs.map(({ digest }) => found.get(digest.hash) ?? new Uint8Array(0)),
      blobs,
    )
    expect(guarded.kinds).toEqual(Array.from({ length: 5 }, () => 'corrupt'))
  })
})

describe('the use of what the cache answers for', () => {
  test('is passed on in batches, once in a quarter of the lease for each blob', async () => {
    const [first, second] = [await guarded.inBoth(makeBlob(1, 100)), await guarded.inBoth(makeBlob(2, 100))]
    await guarded.storage.stop()
    const { cache, fallback } = guarded
    guarded.storage = new WithCacheStorage({ cache, fallback, leaseMs: 400_000 })
    await guarded.storage.start()

    for (let round = 0; round < 5; round++) await Promise.all([guarded.read(first), guarded.read(second)])
    await vi.advanceTimersByTimeAsync(1000)
    expect(guarded.fallback.calls).toEqual({ missingBlobs: 1 })
    await guarded.read(first)
    await vi.advanceTimersByTimeAsync(50_000)
    expect(guarded.fallback.calls).toEqual({ missingBlobs: 1 })
    await vi.advanceTimersByTimeAsync(60_000)
    await guarded.storage.bulkReadBlobs([first.digest, second.digest])
    await vi.advanceTimersByTimeAsync(1000)

    expect(guarded.fallback.calls).toEqual({ missingBlobs: 2 })
  })

  test('is passed on before it stops, and again when the fallback did not hear of it', async () => {
    const blob = await guarded.inBoth(makeBlob(1, 100))
    guarded.fallback.plan = on('missingBlobs', failing())

    await guarded.read(blob)
    await vi.advanceTimersByTimeAsync(1000)
    guarded.fallback.plan = {}
    await guarded.read(blob)
    await guarded.storage.stop()

    expect(guarded.fallback.calls).toEqual({ missingBlobs: 2 })
    expect(guarded.kinds).toEqual(['touch-failure'])
    await guarded.storage.start()
  })
})

function expectWhole(contents: readonly Uint8Array[], blobs: readonly TestBlob[]): void {
  for (const [index, { bytes }] of blobs.entries()) assertSameBytes(contents[index] as Uint8Array, bytes, 'getBlob')
}
