import { digestOf, sourceFromBytes } from '@caskade/core'
import { makeBlobs, sourceOf, testActionCache, testStorage } from '@caskade/conformance'
import { describe, expect, test } from 'vitest'
import { MemoryActionCache, memoryBackend, MemoryStorage } from './index.ts'

const runner = { describe, test }

testStorage(runner, 'MemoryStorage', {
  create: (options) => new MemoryStorage(options),
  hasQuota: true,
  hasClock: true,
  hasLease: true,
})
testActionCache(runner, 'MemoryActionCache', { create: () => new MemoryActionCache() })

describe('MemoryStorage', () => {
  test('counts overhead: a megabyte does not hold 125,000 blobs of 8 bytes', async () => {
    await using storage = new MemoryStorage({ maxBytes: 1_000_000 })
    await storage.start()

    for (const { digest, bytes } of makeBlobs(3000, 8)) await storage.commitWrite(digest, sourceFromBytes(bytes))

    const kept = await Array.fromAsync(storage.listBlobs())
    expect(kept.length).toBeGreaterThan(500)
    expect(kept.length).toBeLessThan(1000)
  })

  test('counts what is still being read after it was evicted', async () => {
    await using storage = new MemoryStorage({ maxBytes: 1_000_000 })
    await storage.start()
    const [read, ...others] = makeBlobs(20, 300_000)
    if (read === undefined) return
    await storage.commitWrite(read.digest, sourceOf(read))
    const reader = await storage.getBlob(read.digest)

    for (const blob of others) await storage.commitWrite(blob.digest, sourceOf(blob))
    const whileReading = (await Array.fromAsync(storage.listBlobs())).length
    const bytes = await reader?.bytes()
    for (const blob of others) await storage.commitWrite(blob.digest, sourceOf(blob))

    expect(bytes?.byteLength).toBe(300_000)
    expect(whileReading).toBe(2)
    expect(await Array.fromAsync(storage.listBlobs())).toHaveLength(3)
  })

  test('evicts down to the low watermark once it is above the high one', async () => {
    await using storage = new MemoryStorage({ maxBytes: 1_000_000, highWatermark: 0.8, lowWatermark: 0.4 })
    await storage.start()

    const counts: number[] = []
    for (const blob of makeBlobs(9, 99_000)) {
      await storage.commitWrite(blob.digest, sourceOf(blob))
      counts.push((await Array.fromAsync(storage.listBlobs())).length)
    }

    expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7, 3, 4])
  })

  test.each([{ maxBytes: -1 }, { highWatermark: 1.1 }, { lowWatermark: 0.9, highWatermark: 0.8 }, { leaseMs: -1 }])(
    'refuses %o',
    (options) => {
      expect(() => new MemoryStorage(options)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
    },
  )

  test('says how large a blob can be', async () => {
    for (const options of [{ maxBytes: 10_000 }, { maxBytes: 10_000, maxBlobBytes: 5000 }]) {
      await using storage = new MemoryStorage(options)
      await storage.start()
      const most = Buffer.alloc(storage.maxBlobBytes)
      const more = Buffer.alloc(storage.maxBlobBytes + 1)

      await storage.commitWrite(digestOf(most), sourceFromBytes(most))
      const committing = storage.commitWrite(digestOf(more), sourceFromBytes(more))
      await expect(committing).rejects.toMatchObject({ code: 'too-large' })
    }
  })

  test('refuses blobs above maxBlobBytes, before reading them', async () => {
    await using storage = new MemoryStorage({ maxBlobBytes: 100 })
    await storage.start()
    const bytes = new Uint8Array(101)
    const source = { ...sourceFromBytes(bytes), open: () => expect.fail('the source was read') }

    await expect(storage.commitWrite(digestOf(bytes), source)).rejects.toMatchObject({ code: 'too-large' })
  })
})

describe('memoryBackend', () => {
  test('evicts an entry before the blobs it references', async () => {
    const { storage, actionCache } = memoryBackend({ maxBytes: 100_000 })
    await using running = storage
    await using alsoRunning = actionCache
    await running.start()
    await alsoRunning.start()
    const [referenced, ...others] = makeBlobs(40, 5000)
    if (referenced === undefined) return
    await storage.commitWrite(referenced.digest, sourceOf(referenced))
    const key = { namespace: 'n', key: 'k' }
    await actionCache.update(key, { bytes: new Uint8Array(5000), references: [referenced.digest], metadata: {} })

    const kept: [entry: boolean, blob: boolean][] = []
    for (const blob of others) {
      await storage.commitWrite(blob.digest, sourceOf(blob))
      const listed = await Array.fromAsync(storage.listBlobs(), ({ digest }) => digest.hash)
      const entries = await Array.fromAsync(actionCache.list('n'))
      kept.push([entries.length === 1, listed.includes(referenced.digest.hash)])
    }

    expect(kept).toContainEqual([false, true])
    expect(kept).not.toContainEqual([true, false])
    expect(kept.at(-1)).toEqual([false, false])
  })

  test('counts the use of an entry as one of the blobs it references', async () => {
    const { storage, actionCache } = memoryBackend({ maxBytes: 100_000 })
    await using running = storage
    await using alsoRunning = actionCache
    await running.start()
    await alsoRunning.start()
    const [referenced, unreferenced] = makeBlobs(2, 20_000)
    if (referenced === undefined || unreferenced === undefined) return
    const key = { namespace: 'n', key: 'k' }
    await storage.commitWrite(referenced.digest, sourceOf(referenced))
    await actionCache.update(key, { bytes: new Uint8Array(10), references: [referenced.digest], metadata: {} })
    await storage.commitWrite(unreferenced.digest, sourceOf(unreferenced))

    expect(await actionCache.get(key)).not.toBe(null)
    for (const blob of makeBlobs(3, 20_000, 100)) await storage.commitWrite(blob.digest, sourceOf(blob))

    const kept = await Array.fromAsync(storage.listBlobs(), ({ digest }) => digest.hash)
    expect(kept).toContain(referenced.digest.hash)
    expect(kept).not.toContain(unreferenced.digest.hash)
  })

  test('shares one quota between both halves', async () => {
    const { storage, actionCache } = memoryBackend({ maxBytes: 100_000 })
    await using running = storage
    await using alsoRunning = actionCache
    await running.start()
    await alsoRunning.start()

    for (let index = 0; index < 20; index++) {
      const entry = { bytes: new Uint8Array(20_000), references: [], metadata: {} }
      await actionCache.update({ namespace: 'n', key: String(index) }, entry)
    }

    expect(await Array.fromAsync(actionCache.list('n'))).toHaveLength(4)
  })
})
