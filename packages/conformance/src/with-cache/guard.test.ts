import type { StorageEvent } from '@caskade/core'
import { onStorageEvent, StorageError, withCache, WithCacheActionCache, WithCacheStorage } from '@caskade/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { assertSameBytes, readChunks } from '../assertions.ts'
import type { TestBlob } from '../index.ts'
import {
  failing,
  FaultyActionCache,
  FaultyStorage,
  flippingBits,
  hanging,
  hangingReaders,
  makeBlob,
  makeBlobs,
  on,
  ReferenceActionCache,
  ReferenceStorage,
  sourceOf,
  truncating,
} from '../index.ts'

const LARGE = 1_000_000

let cache: FaultyStorage
let fallback: FaultyStorage
let storage: WithCacheStorage
let events: StorageEvent[]
let endListening: () => void

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  events = []
  endListening = onStorageEvent((event) => events.push(event))
  cache = new FaultyStorage(new ReferenceStorage())
  fallback = new FaultyStorage(new ReferenceStorage())
  storage = new WithCacheStorage({ cache, fallback, cacheTimeoutMs: 2000, cacheRetryMs: 30_000 })
  await storage.start()
})

afterEach(async () => {
  cache.plan = {}
  const stopping = storage.stop()
  await vi.advanceTimersByTimeAsync(60_000)
  await stopping
  endListening()
  vi.useRealTimers()
})

describe('a cache that hangs', () => {
  test('costs one timeout, however many wait, and is not asked again until it is time to', async () => {
    const blobs = makeBlobs(100, 100)
    for (const blob of blobs) await inBoth(blob)
    const plan = hanging()
    cache.plan = plan

    const reading = Promise.all(blobs.map(read))
    await plan.reached
    await vi.advanceTimersByTimeAsync(1999)
    expect(fallback.calls).toEqual({})
    await vi.advanceTimersByTimeAsync(1)
    expectWhole(await reading, blobs)
    expect(cache.calls).toEqual({ getBlob: 100 })
    const started = performance.now()
    expectWhole(await Promise.all(blobs.map(read)), blobs)

    expect(performance.now()).toBe(started)
    expect(cache.calls).toEqual({ getBlob: 100 })
    expect(kinds()).toEqual(['cache-failure', 'cache-disabled'])
  })

  test('is probed by one question at a time, and used again once it answers', async () => {
    const blob = await inBoth(makeBlob(1, 100))
    const plan = hanging()
    cache.plan = plan
    await readWithin(blob, 2000)

    await vi.advanceTimersByTimeAsync(30_000)
    const probing = read(blob)
    await read(blob)
    await read(blob)
    expect(cache.calls).toEqual({ getBlob: 2 })
    await vi.advanceTimersByTimeAsync(2000)
    await probing
    cache.plan = {}
    await vi.advanceTimersByTimeAsync(30_000)
    fallback.forgetCalls()
    await read(blob)
    await read(blob)

    expect(fallback.calls).toEqual({})
    expect(kinds()).toEqual(['cache-failure', 'cache-disabled', 'cache-failure', 'cache-enabled'])
  })

  test('in a write costs the writer one timeout, and keeps nothing of the blob', async () => {
    const blob = makeBlob(1, 100)
    cache.plan = hanging()

    const writing = storage.commitWrite(blob.digest, sourceOf(blob))
    await vi.advanceTimersByTimeAsync(2000)
    await writing
    const [other] = makeBlobs(1, 100, 9)
    if (other !== undefined) await storage.commitWrite(other.digest, sourceOf(other))

    expect(cache.calls).toEqual({ commitWrite: 1 })
    expect(await storage.hasBlob(blob.digest)).toBe(true)
  })

  test.each(['deleteBlob', 'bulkDelete', 'resolveHash', 'bulkReadBlobs', 'bulkUpdateBlobs'] as const)(
    'in %s costs the caller one timeout',
    async (method) => {
      const blob = await inBoth(makeBlob(1, 100))
      cache.plan = hanging()
      const calls = {
        deleteBlob: () => storage.deleteBlob(blob.digest),
        bulkDelete: () => storage.bulkDelete([blob.digest]),
        resolveHash: () => storage.resolveHash(blob.digest.hash),
        bulkReadBlobs: () => storage.bulkReadBlobs([blob.digest]),
        bulkUpdateBlobs: () => storage.bulkUpdateBlobs([[blob.digest, blob.bytes]]),
      }

      const calling = calls[method]()
      await vi.advanceTimersByTimeAsync(2000)
      await calling

      expect(kinds()).toEqual(['cache-failure', 'cache-disabled'])
    },
  )

  test('in the middle of a large blob fails that reader in time, and the next read is whole', async () => {
    const blob = await inBoth(makeBlob(1, LARGE))
    cache.plan = { content: chunked(hangingReaders(500_000).content) }

    const outcome = read(blob)
    const expectation = expect(outcome).rejects.toMatchObject({ code: 'unavailable' })
    await vi.advanceTimersByTimeAsync(2000)
    await expectation

    assertSameBytes(await read(blob), blob.bytes, 'the next read')
    expect(kinds()).toEqual(['cache-failure', 'cache-disabled'])
  })

  test('before the first byte of a large blob is passed over', async () => {
    const blob = await inBoth(makeBlob(1, LARGE))
    cache.plan = hangingReaders()

    assertSameBytes(await readWithin(blob, 2000), blob.bytes, 'getBlob')
  })

  test('ends nobody who gives up by himself', async () => {
    const blob = await inBoth(makeBlob(1, 100))
    const plan = hanging()
    cache.plan = plan
    const controller = new AbortController()
    const reason = new Error('enough')

    const reading = storage.getBlob(blob.digest, { signal: controller.signal })
    const expectation = expect(reading).rejects.toBe(reason)
    await plan.reached
    controller.abort(reason)
    await expectation

    expect(kinds()).toEqual([])
  })
})

describe('a cache that fails', () => {
  test('is left alone after five failures in a row', async () => {
    const blob = await inBoth(makeBlob(1, 100))
    cache.plan = failing()

    for (let round = 0; round < 10; round++) await read(blob)

    // A read asks it, and then tries to fill it.
    expect(cache.calls).toEqual({ getBlob: 3, commitWrite: 2 })
    expect(kinds().filter((kind) => kind === 'cache-disabled')).toHaveLength(1)
  })

  test('is not left alone for choosing what it keeps', async () => {
    cache.plan = on('commitWrite', failing(new StorageError('too-large', 'not this one')))

    for (const blob of makeBlobs(20, 100)) await storage.commitWrite(blob.digest, sourceOf(blob))

    expect(cache.calls).toEqual({ commitWrite: 20 })
    expect(events).toEqual([])
  })
})

describe('a cache that lies', () => {
  test.each([
    ['a flipped bit', flippingBits(50)],
    ['a missing end', truncating(50)],
  ])('with %s in a small blob is found out before the first byte, and healed', async (_, plan) => {
    const blob = await inBoth(makeBlob(1, 100))
    cache.plan = on('getBlob', plan)

    assertSameBytes(await read(blob), blob.bytes, 'getBlob')
    cache.plan = {}
    await filled(blob)
    fallback.forgetCalls()
    assertSameBytes(await read(blob), blob.bytes, 'the next read')

    expect(fallback.calls).toEqual({})
  })

  test('is not believed in a part of a small blob', async () => {
    const blob = await inBoth(makeBlob(1, 100))
    cache.plan = on('getBlob', flippingBits(50))

    const part = await readChunks(await storage.getBlob(blob.digest, { offset: 50, length: 10 }))

    assertSameBytes(part, blob.bytes.subarray(50, 60), 'a part')
    expect(kinds()).toEqual(['corrupt'])
  })

  test('is not asked for a part of a large blob, which nobody could verify', async () => {
    const blob = await inBoth(makeBlob(1, LARGE))
    cache.plan = on('getBlob', flippingBits(50))

    const part = await readChunks(await storage.getBlob(blob.digest, { offset: 50, length: 10 }))

    assertSameBytes(part, blob.bytes.subarray(50, 60), 'a part')
    expect(cache.calls).toEqual({})
  })

  test('fails the reading of a large blob before its last chunk, and is healed for the next', async () => {
    const blob = await inBoth(makeBlob(1, LARGE))
    cache.plan = on('getBlob', { content: chunked(flippingBits(500_000).content) })
    const reader = await storage.getBlob(blob.digest)
    let received = 0

    const outcome = (async () => {
      for await (const chunk of reader ?? []) received += chunk.byteLength
    })()

    await expect(outcome).rejects.toMatchObject({ code: 'corrupt' })
    expect(received).toBeLessThan(LARGE)
    cache.plan = {}
    assertSameBytes(await read(blob), blob.bytes, 'the next read')
  })

  test('is not believed in bulkReadBlobs', async () => {
    const blobs = makeBlobs(5, 100)
    for (const blob of blobs) await inBoth(blob)
    cache.plan = on('bulkReadBlobs', flippingBits(1))

    const found = await storage.bulkReadBlobs(blobs.map(({ digest }) => digest))

    expectWhole(
      blobs.map(({ digest }) => found.get(digest.hash) ?? new Uint8Array(0)),
      blobs,
    )
    expect(kinds()).toEqual(Array.from({ length: 5 }, () => 'corrupt'))
  })
})

describe('the use of what the cache answers for', () => {
  test('is passed on in batches, once in a quarter of the lease for each blob', async () => {
    const [first, second] = [await inBoth(makeBlob(1, 100)), await inBoth(makeBlob(2, 100))]
    await storage.stop()
    storage = new WithCacheStorage({ cache, fallback, leaseMs: 400_000 })
    await storage.start()

    for (let round = 0; round < 5; round++) await Promise.all([read(first), read(second)])
    await vi.advanceTimersByTimeAsync(1000)
    expect(fallback.calls).toEqual({ missingBlobs: 1 })
    await read(first)
    await vi.advanceTimersByTimeAsync(50_000)
    expect(fallback.calls).toEqual({ missingBlobs: 1 })
    await vi.advanceTimersByTimeAsync(60_000)
    await storage.bulkReadBlobs([first.digest, second.digest])
    await vi.advanceTimersByTimeAsync(1000)

    expect(fallback.calls).toEqual({ missingBlobs: 2 })
  })

  test('is passed on before it stops, and again when the fallback did not hear of it', async () => {
    const blob = await inBoth(makeBlob(1, 100))
    fallback.plan = on('missingBlobs', failing())

    await read(blob)
    await vi.advanceTimersByTimeAsync(1000)
    fallback.plan = {}
    await read(blob)
    await storage.stop()

    expect(fallback.calls).toEqual({ missingBlobs: 2 })
    expect(kinds()).toEqual(['touch-failure'])
    await storage.start()
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

async function inBoth(blob: TestBlob): Promise<TestBlob> {
  await cache.inner.commitWrite(blob.digest, sourceOf(blob))
  await fallback.inner.commitWrite(blob.digest, sourceOf(blob))
  return blob
}

async function read({ digest }: TestBlob): Promise<Uint8Array> {
  return readChunks(await storage.getBlob(digest))
}

async function readWithin(blob: TestBlob, ms: number): Promise<Uint8Array> {
  const reading = read(blob)
  await vi.advanceTimersByTimeAsync(ms)
  return reading
}

/** Waits until the cache has a blob. */
async function filled({ digest }: TestBlob): Promise<void> {
  await storage.stop()
  expect(await (cache.inner as ReferenceStorage).blobs.has(digest.hash)).toBe(true)
  await storage.start()
}

function expectWhole(contents: readonly Uint8Array[], blobs: readonly TestBlob[]): void {
  for (const [index, { bytes }] of blobs.entries()) assertSameBytes(contents[index] as Uint8Array, bytes, 'getBlob')
}

function kinds(): string[] {
  return events.map(({ kind }) => kind)
}

type Content = NonNullable<FaultyStorage['plan']['content']>

/** Has content arrive in chunks of 100,000 bytes before something else happens to it. */
function chunked(content: Content | undefined): Content {
  return (chunks, call) => content?.(divide(chunks), call) ?? chunks
}

async function* divide(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; at += 100_000) yield chunk.subarray(at, at + 100_000)
  }
}
