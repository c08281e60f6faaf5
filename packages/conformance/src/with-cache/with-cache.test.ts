import type {
  ActionCacheEntry,
  BlobReader,
  BlobSource,
  Digest,
  ReadOptions,
  StorageEvent,
  WithCacheTuning,
} from '@caskade/core'
import {
  onStorageEvent,
  readerFromChunks,
  StorageError,
  withCache,
  WithCacheActionCache,
  WithCacheStorage,
} from '@caskade/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { assertSameBytes, readChunks } from '../assertions.ts'
import type { TestBlob } from '../index.ts'
import { makeBlob, makeBlobs, ReferenceActionCache, ReferenceStorage, sourceOf } from '../index.ts'

let cache: CountingStorage
let fallback: CountingStorage
let storage: WithCacheStorage
let events: StorageEvent[]
let endListening: () => void

beforeEach(async () => {
  events = []
  endListening = onStorageEvent((event) => events.push(event))
  cache = new CountingStorage()
  fallback = new CountingStorage()
  storage = new WithCacheStorage({ cache, fallback, maxCachedBlobBytes: 1_000_000 })
  await storage.start()
})

afterEach(async () => {
  await storage.stop()
  endListening()
})

describe('WithCacheStorage', () => {
  test('a read from the fallback fills the cache, which answers from then on', async () => {
    const blob = makeBlob(1, 300_000)
    await fallback.commitWrite(blob.digest, sourceOf(blob))

    for (let round = 0; round < 3; round++) {
      assertSameBytes(await readChunks(await storage.getBlob(blob.digest)), blob.bytes, 'getBlob')
      await cache.filled(blob)
    }

    expect(fallback.calls).toEqual({ getBlob: 1 })
    expect(events).toEqual([])
  })

  test('getBlobByHash asks a trusted cache once, and the fallback for what the cache has not', async () => {
    await using trusting = new WithCacheStorage({ cache, fallback, trustCache: true })
    await trusting.start()
    const [cached, stored, absent] = makeBlobs(3, 100)
    if (cached === undefined || stored === undefined || absent === undefined) return
    await cache.commitWrite(cached.digest, sourceOf(cached))
    await fallback.commitWrite(stored.digest, sourceOf(stored))

    const found = await trusting.getBlobByHash(cached.digest.hash)

    assertSameBytes(await readChunks(found?.reader ?? null), cached.bytes, 'getBlobByHash')
    expect(found?.digest).toEqual(cached.digest)
    expect([cache.calls, fallback.calls]).toEqual([{ getBlob: 1 }, {}])
    const fetched = await trusting.getBlobByHash(stored.digest.hash)
    assertSameBytes(await readChunks(fetched?.reader ?? null), stored.bytes, 'getBlobByHash')
    expect(await trusting.getBlobByHash(absent.digest.hash)).toBe(null)
    expect(events).toEqual([])
  })

  test('getBlobByHash verifies what a cache has that is not trusted', async () => {
    const blob = makeBlob(1, 100)
    await fallback.commitWrite(blob.digest, sourceOf(blob))
    await cache.commitWrite(blob.digest, sourceOf(blob))
    cache.chunkBytes = 50
    cache.damages = true

    const found = await storage.getBlobByHash(blob.digest.hash)

    assertSameBytes(await readChunks(found?.reader ?? null), blob.bytes, 'getBlobByHash')
    expect(events).toMatchObject([{ kind: 'corrupt', operation: 'getBlob' }])
  })

  test('hasBlob and missingBlobs ask the fallback, whatever the cache holds', async () => {
    const [cachedOnly, both] = makeBlobs(2, 100)
    if (cachedOnly === undefined || both === undefined) return
    await cache.commitWrite(cachedOnly.digest, sourceOf(cachedOnly))
    await storage.commitWrite(both.digest, sourceOf(both))

    expect(await storage.hasBlob(cachedOnly.digest)).toBe(false)
    expect(await storage.missingBlobs([cachedOnly.digest, both.digest])).toEqual([cachedOnly.digest])
  })

  test('ranges, and blobs above maxCachedBlobBytes, are read without filling the cache', async () => {
    const [small, large] = [makeBlob(1, 1000), makeBlob(2, 1_000_001)]
    for (const blob of [small, large]) await fallback.commitWrite(blob.digest, sourceOf(blob))

    await readChunks(await storage.getBlob(small.digest, { offset: 1 }))
    await readChunks(await storage.getBlob(large.digest))
    await storage.stop()

    expect(cache.blobs.size).toBe(0)
    await storage.start()
  })

  test('a reader that leaves early fills nothing', async () => {
    const blob = makeBlob(1, 5000)
    await fallback.commitWrite(blob.digest, sourceOf(blob))
    fallback.chunkBytes = 1000

    const reader = await storage.getBlob(blob.digest)
    for await (const _ of reader ?? []) break
    await storage.stop()

    expect(cache.blobs.size).toBe(0)
    await storage.start()
  })

  test('content that the fallback delivers wrongly is neither delivered whole nor cached', async () => {
    const blob = makeBlob(1, 5000)
    await fallback.commitWrite(blob.digest, sourceOf(blob))
    fallback.chunkBytes = 1000
    fallback.damages = true

    await expect(readChunks(await storage.getBlob(blob.digest))).rejects.toMatchObject({ code: 'corrupt' })

    expect(cache.blobs.size).toBe(0)
  })

  test('a cache that fails costs an event, and no operation', async () => {
    const [first, second] = [makeBlob(1, 300), makeBlob(2, 300)]
    cache.fails = true

    await storage.commitWrite(first.digest, sourceOf(first))
    await storage.bulkUpdateBlobs([[second.digest, second.bytes]])
    assertSameBytes(await readChunks(await storage.getBlob(first.digest)), first.bytes, 'getBlob')
    expect((await storage.bulkReadBlobs([first.digest, second.digest])).size).toBe(2)
    expect(await storage.resolveHash(first.digest.hash)).toEqual(first.digest)
    await storage.deleteBlob(first.digest)
    expect(await storage.bulkDelete([second.digest])).toEqual([])

    expect(fallback.blobs.size).toBe(0)
    expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(['cache-failure', 'cache-disabled']))
    expect(new Set(events.map(({ operation }) => operation))).toContain('getBlob')
  })

  test('a fallback that fails is never taken for an absent blob', async () => {
    const blob = makeBlob(1, 300)
    fallback.fails = true

    await expect(storage.hasBlob(blob.digest)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(storage.getBlob(blob.digest)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(storage.missingBlobs([blob.digest])).rejects.toMatchObject({ code: 'unavailable' })
    await expect(storage.commitWrite(blob.digest, sourceOf(blob))).rejects.toMatchObject({ code: 'unavailable' })
    expect(cache.blobs.size).toBe(0)
  })

  test('bulkReadBlobs asks the fallback for what the cache has not, and fills the cache', async () => {
    const blobs = makeBlobs(6, 200)
    const digests = blobs.map(({ digest }) => digest)
    for (const [index, blob] of blobs.entries()) {
      await fallback.commitWrite(blob.digest, sourceOf(blob))
      if (index < 2) await cache.commitWrite(blob.digest, sourceOf(blob))
    }

    expect((await storage.bulkReadBlobs(digests)).size).toBe(6)
    for (const blob of blobs) await cache.filled(blob)
    fallback.calls = {}
    expect((await storage.bulkReadBlobs(digests)).size).toBe(6)

    expect(fallback.calls).toEqual({})
  })

  test('starts and stops both, and the first again when the second does not start', async () => {
    const broken = new CountingStorage()
    broken.failsToStart = true
    const fresh = new CountingStorage()
    const composite = new WithCacheStorage({ cache: fresh, fallback: broken })

    await expect(composite.start()).rejects.toThrow('cannot start')

    await expect(fresh.hasBlob(makeBlob(1, 1).digest)).rejects.toMatchObject({ code: 'not-running' })
  })

  test('refuses senseless options, in both halves', () => {
    const halves = { storage: cache, actionCache: new ReferenceActionCache() }
    const make = (tuning: WithCacheTuning): unknown => withCache({ cache: halves, fallback: halves, ...tuning })
    expect(() => make({ deferFallbackWrites: true })).toThrow(/needs journalDirectory/)
    expect(() => make({ fallbackWriterThreads: 0 })).toThrow(/fallbackWriterThreads must be a whole number, at least 1/)
    expect(() => make({ maxCachedBlobBytes: -1 })).toThrow(/maxCachedBlobBytes must be a number of bytes/)
    expect(() => make({ maxStaleMs: Number.NaN })).toThrow(/maxStaleMs must be a number of milliseconds/)
    expect(() => new WithCacheStorage({ cache, fallback, leaseMs: 0 })).toThrow(StorageError)
    const tiers = { cache: new ReferenceActionCache(), fallback: new ReferenceActionCache() }
    expect(() => new WithCacheActionCache({ ...tiers, cacheTimeoutMs: 0 })).toThrow(StorageError)
  })
})

describe('WithCacheActionCache', () => {
  const key = { namespace: 'n', key: 'k' }
  const entry = (text: string): ActionCacheEntry => ({ bytes: Buffer.from(text), references: [], metadata: { text } })

  test('answers from the fallback unless staleness is allowed, and then only for that long', async () => {
    for (const maxStaleMs of [0, 1000]) {
      let now = 50_000
      const tiers = { cache: new ReferenceActionCache(), fallback: new ReferenceActionCache() }
      const actionCache = new WithCacheActionCache({ ...tiers, maxStaleMs, now: () => now })
      await actionCache.start()
      await actionCache.update(key, entry('old'))
      await tiers.fallback.update(key, entry('new'))

      expect((await actionCache.get(key))?.metadata).toEqual({ text: maxStaleMs === 0 ? 'new' : 'old' })
      now += 1000
      expect((await actionCache.get(key))?.metadata).toEqual({ text: 'new' })
      now -= 5000
      await tiers.fallback.update(key, entry('newer'))
      expect((await actionCache.get(key))?.metadata).toEqual({ text: 'newer' })
      await actionCache.stop()
    }
  })
})

/** A storage that counts what it is asked, and fails or damages on request. */
class CountingStorage extends ReferenceStorage {
  calls: Record<string, number> = {}
  fails = false
  failsToStart = false
  damages = false
  chunkBytes = Number.MAX_SAFE_INTEGER
  readonly #waiting = new Map<string, () => void>()

  protected override async onStart(): Promise<void> {
    if (this.failsToStart) throw new Error('cannot start')
  }

  protected override assertRunning(signal: AbortSignal | undefined): void {
    super.assertRunning(signal)
    if (this.fails) throw new StorageError('unavailable', 'try again later')
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    this.calls['getBlob'] = (this.calls['getBlob'] ?? 0) + 1
    const reader = await super.getBlob(digest, options)
    if (reader === null || this.chunkBytes >= digest.sizeBytes) return reader
    const bytes = Uint8Array.from(await reader.bytes())
    if (this.damages) bytes[bytes.byteLength - 1] = (bytes[bytes.byteLength - 1] ?? 0) ^ 1
    const chunks: Uint8Array[] = []
    for (let at = 0; at < bytes.byteLength; at += this.chunkBytes) chunks.push(bytes.subarray(at, at + this.chunkBytes))
    return readerFromChunks(bytes.byteLength, chunks)
  }

  override async commitWrite(digest: Digest, source: BlobSource): Promise<void> {
    await super.commitWrite(digest, source)
    this.#waiting.get(digest.hash)?.()
  }

  /** Waits until the blob is stored. */
  async filled({ digest }: TestBlob): Promise<void> {
    if (this.blobs.has(digest.hash)) return
    await new Promise<void>((resolve) => void this.#waiting.set(digest.hash, resolve))
  }
}
