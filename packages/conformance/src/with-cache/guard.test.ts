import { withCache, WithCacheActionCache } from '@caskade/core'
import { describe, expect, test, vi } from 'vitest'
import { assertSameBytes } from '../assertions.ts'
import type { TestBlob } from '../index.ts'
import {
  FaultyActionCache,
  hanging,
  hangingReaders,
  makeBlob,
  makeBlobs,
  ReferenceActionCache,
  ReferenceStorage,
  sourceOf,
} from '../index.ts'
import { chunked, GuardedTests } from './guard.fixture.ts'

const LARGE = 1_000_000

const guarded = new GuardedTests()

describe('a cache that hangs', () => {
  test('costs one timeout, however many wait, and is not asked again until it is time to', async () => {
    const blobs = makeBlobs(100, 100)
    for (const blob of blobs) await guarded.inBoth(blob)
    const plan = hanging()
    guarded.cache.plan = plan

    const reading = Promise.all(blobs.map((blob) => guarded.read(blob)))
    await plan.reached
    await vi.advanceTimersByTimeAsync(1999)
    expect(guarded.fallback.calls).toEqual({})
    await vi.advanceTimersByTimeAsync(1)
    expectWhole(await reading, blobs)
    expect(guarded.cache.calls).toEqual({ getBlob: 100 })
    const started = performance.now()
    expectWhole(await Promise.all(blobs.map((blob) => guarded.read(blob))), blobs)

    expect(performance.now()).toBe(started)
    expect(guarded.cache.calls).toEqual({ getBlob: 100 })
    expect(guarded.kinds).toEqual(['cache-failure', 'cache-disabled'])
  })

  test('is probed by one question at a time, and used again once it answers', async () => {
    const blob = await guarded.inBoth(makeBlob(1, 100))
    const plan = hanging()
    guarded.cache.plan = plan
    await guarded.readWithin(blob, 2000)

    await vi.advanceTimersByTimeAsync(30_000)
    const probing = guarded.read(blob)
    await guarded.read(blob)
    await guarded.read(blob)
    expect(guarded.cache.calls).toEqual({ getBlob: 2 })
    await vi.advanceTimersByTimeAsync(2000)
    await probing
    guarded.cache.plan = {}
    await vi.advanceTimersByTimeAsync(30_000)
    guarded.fallback.forgetCalls()
    await guarded.read(blob)
    await guarded.read(blob)

    expect(guarded.fallback.calls).toEqual({})
    expect(guarded.kinds).toEqual(['cache-failure', 'cache-disabled', 'cache-failure', 'cache-enabled'])
  })

  test('in a write costs the writer one timeout, and keeps nothing of the blob', async () => {
    const blob = makeBlob(1, 100)
    guarded.cache.plan = hanging()

    const writing = guarded.storage.commitWrite(blob.digest, sourceOf(blob))
    await vi.advanceTimersByTimeAsync(2000)
    await writing
    const [other] = makeBlobs(1, 100, 9)
    if (other !== undefined) await guarded.storage.commitWrite(other.digest, sourceOf(other))

    expect(guarded.cache.calls).toEqual({ commitWrite: 1 })
    expect(await guarded.storage.hasBlob(blob.digest)).toBe(true)
  })

  test.each(['deleteBlob', 'bulkDelete', 'resolveHash', 'bulkReadBlobs', 'bulkUpdateBlobs'] as const)(
    'in %s costs the caller one timeout',
    async (method) => {
      const blob = await guarded.inBoth(makeBlob(1, 100))
      guarded.cache.plan = hanging()
      const calls = {
        deleteBlob: () => guarded.storage.deleteBlob(blob.digest),
        bulkDelete: () => guarded.storage.bulkDelete([blob.digest]),
        resolveHash: () => guarded.storage.resolveHash(blob.digest.hash),
        bulkReadBlobs: () => guarded.storage.bulkReadBlobs([blob.digest]),
        bulkUpdateBlobs: () => guarded.storage.bulkUpdateBlobs([[blob.digest, blob.bytes]]),
      }

      const calling = calls[method]()
      await vi.advanceTimersByTimeAsync(2000)
      await calling

      expect(guarded.kinds).toEqual(['cache-failure', 'cache-disabled'])
    },
  )

  test('in the middle of a large blob fails that reader in time, and the next read is whole', async () => {
    const blob = await guarded.inBoth(makeBlob(1, LARGE))
    guarded.cache.plan = { content: chunked(hangingReaders(500_000).content) }

    const outcome = guarded.read(blob).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(2000)

    expect(await outcome).toMatchObject({ code: 'unavailable' })

    assertSameBytes(await guarded.read(blob), blob.bytes, 'the next read')
    expect(guarded.kinds).toEqual(['cache-failure', 'cache-disabled'])
  })

  test('before the first byte of a large blob is passed over', async () => {
    const blob = await guarded.inBoth(makeBlob(1, LARGE))
    guarded.cache.plan = hangingReaders()

    assertSameBytes(await guarded.readWithin(blob, 2000), blob.bytes, 'getBlob')
  })

  test('ends nobody who gives up by himself', async () => {
    const blob = await guarded.inBoth(makeBlob(1, 100))
    const plan = hanging()
    guarded.cache.plan = plan
    const controller = new AbortController()
    const reason = new Error('enough')

    const reading = guarded.storage.getBlob(blob.digest, { signal: controller.signal }).catch((error: unknown) => error)
    await plan.reached
    controller.abort(reason)

    expect(await reading).toBe(reason)

    expect(guarded.kinds).toEqual([])
  })
})

describe('WithCacheActionCache', () => {
  test('does not wait for a cache that hangs, nor believe one that fails', async () => {
    const entries = new FaultyActionCache(new ReferenceActionCache(), hanging())
    const tiers = { cache: entries, fallback: new ReferenceActionCache() }
    await using actionCache = new WithCacheActionCache({ ...tiers, maxStaleMs: 1000, cacheTimeoutMs: 2000 })
    await actionCache.start()
    const key = { namespace: 'n', key: 'k' }

    const updating = actionCache.update(key, { bytes: Buffer.from('1'), references: [], metadata: {} })
    await vi.advanceTimersByTimeAsync(2000)
    await updating

    expect((await actionCache.get(key))?.bytes).toEqual(Uint8Array.of(49))
    expect(entries.calls).toEqual({ update: 1 })
  })
})

test('withCache guards both halves', () => {
  const backend = { storage: new ReferenceStorage(), actionCache: new ReferenceActionCache() }
  expect(() => withCache({ cache: backend, fallback: backend, cacheTimeoutMs: 0 })).toThrow(/cacheTimeoutMs/)
})

function expectWhole(contents: readonly Uint8Array[], blobs: readonly TestBlob[]): void {
  for (const [index, { bytes }] of blobs.entries()) assertSameBytes(contents[index] as Uint8Array, bytes, 'getBlob')
}
