import { WithCacheStorage } from '@caskade/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { assertSameBytes, readChunks } from '../assertions.ts'
import type { TestBlob } from '../index.ts'
import { FaultyStorage, makeBlob, on, ReferenceStorage, sourceOf } from '../index.ts'
import { CHUNK_BYTES, fallbackReached, inChunks } from './chunked-content.fixture.ts'

let cache: ReferenceStorage
let fallback: FaultyStorage
let storage: WithCacheStorage

beforeEach(async () => {
  cache = new ReferenceStorage()
  fallback = new FaultyStorage(new ReferenceStorage())
  storage = new WithCacheStorage({ cache, fallback })
  await storage.start()
})

afterEach(() => storage.stop())

describe('a deletion', () => {
  test.each(['deleteBlob', 'bulkDelete'] as const)(
    '%s keeps a read under way from filling the cache',
    async (method) => {
      const blob = await stored(makeBlob(1, 10 * CHUNK_BYTES))
      const gate = Promise.withResolvers<void>()
      fallback.plan = inChunks({ 5: gate.promise })
      const reading = readChunks(await storage.getBlob(blob.digest))
      await fallbackReached()

      await (method === 'deleteBlob' ? storage.deleteBlob(blob.digest) : storage.bulkDelete([blob.digest]))
      const after = await storage.getBlob(blob.digest)
      gate.resolve()

      assertSameBytes(await reading, blob.bytes, 'a reader that was there before')
      expect(after).toBeNull()
      await settled()
      expect(cache.blobs.size).toBe(0)
    },
  )

  test('does not wait for a fallback that takes its time over a read', async () => {
    const blob = await stored(makeBlob(1, 1000))
    const gate = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    fallback.plan = on('getBlob', {
      after: () => {
        reached.resolve()
        return gate.promise
      },
    })
    const reading = storage.getBlob(blob.digest)
    await reached.promise

    await storage.deleteBlob(blob.digest)
    gate.resolve()

    assertSameBytes(await readChunks(await reading), blob.bytes, 'a reader that was there before')
    await settled()
    expect(cache.blobs.size).toBe(0)
  })

  test('keeps what bulkReadBlobs read before it from being brought back', async () => {
    const blob = await stored(makeBlob(1, 1000))
    const gate = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    fallback.plan = on('bulkReadBlobs', {
      after: () => {
        reached.resolve()
        return gate.promise
      },
    })

    const reading = storage.bulkReadBlobs([blob.digest])
    await reached.promise
    await storage.deleteBlob(blob.digest)
    gate.resolve()

    expect((await reading).size).toBe(1)
    await settled()
    expect(cache.blobs.size).toBe(0)
  })

  test('keeps a backfill under way from bringing a blob back', async () => {
    const blob = await stored(makeBlob(1, 1000))
    const gate = Promise.withResolvers<void>()
    const slow = new FaultyStorage(cache, on('bulkUpdateBlobs', { before: () => gate.promise }))
    await using composite = new WithCacheStorage({ cache: slow, fallback })
    await composite.start()
    await composite.bulkReadBlobs([blob.digest])

    const deleting = composite.deleteBlob(blob.digest)
    gate.resolve()
    await deleting

    expect(cache.blobs.size).toBe(0)
  })
})

async function stored(blob: TestBlob): Promise<TestBlob> {
  await fallback.inner.commitWrite(blob.digest, sourceOf(blob))
  return blob
}

/** Waits until nothing goes on behind the callers' backs. */
async function settled(): Promise<void> {
  await storage.stop()
  await storage.start()
}
