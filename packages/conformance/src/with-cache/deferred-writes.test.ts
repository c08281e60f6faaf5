import { randomBytes } from 'node:crypto'
import { mkdtempSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StorageError, WriteSession } from '@caskade/core'
import { describe, expect, test, vi } from 'vitest'
import { assertSameBytes, assertStored, listedKeys, readChunks } from '../assertions.ts'
import type { TestBlob } from '../index.ts'
import { failing, hanging, makeBlob, makeBlobs, on, sourceOf } from '../index.ts'
import { entryFor, journalFiles, keyOf, removeJournals, SIZES, useDeferring } from './deferred.fixture.ts'

const { running, events } = useDeferring()

describe('a deferred write', () => {
  test.each(SIZES)('of %i bytes is acknowledged without the fallback, and is there in every way', async (size) => {
    const { backend, fallback, cache } = await running()
    const { storage } = backend
    fallback.plan = on('commitWrite', hanging())
    const blob = makeBlob(1, size)

    await storage.commitWrite(blob.digest, sourceOf(blob))
    cache.blobs.clear()

    await assertStored(storage, blob)
    const part = await readChunks(await storage.getBlob(blob.digest, { offset: 10, length: 100 }))
    assertSameBytes(part, blob.bytes.subarray(10, 110), 'a part')
    expect(await storage.missingBlobs([blob.digest])).toEqual([])
    expect(await storage.resolveHash(blob.digest.hash)).toEqual(blob.digest)
    expect(await listedKeys(storage)).toEqual(new Set([blob.digest.hash]))
    const found = await storage.bulkReadBlobs([blob.digest])
    assertSameBytes(found.get(blob.digest.hash) ?? new Uint8Array(0), blob.bytes, 'bulkReadBlobs')
    expect(await fallback.inner.hasBlob(blob.digest)).toBe(false)
    expect(storage.deferredStatus).toMatchObject({ writes: 1, bytes: size, consecutiveFailures: 0 })
  })

  test.each(SIZES)('of %i bytes arrives, and leaves nothing in the journal', async (size) => {
    const { backend, fallback, journalDirectory } = await running()
    const blobs = makeBlobs(50, size)

    await backend.storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))
    await backend.storage.flush()

    for (const blob of blobs) await assertStored(fallback.inner, blob)
    expect(backend.storage.deferredStatus).toMatchObject({ writes: 0, bytes: 0, oldestAcceptedAt: undefined })
    expect(journalFiles(journalDirectory, (name) => name.endsWith('.content'))).toEqual([])
  })

  test('that is spooled to a file already costs the journal a link', async () => {
    const { backend, fallback } = await running()
    fallback.plan = on('commitWrite', hanging())
    const directory = mkdtempSync(join(tmpdir(), 'caskade-upload-'))
    const session = new WriteSession({ directory })
    const bytes = randomBytes(2_000_000)
    await session.write(bytes)
    const digest = await session.finish()

    await backend.storage.commitWrite(digest, session)
    const links = statSync(session.filePath ?? '').nlink
    await session[Symbol.asyncDispose]()

    expect(links).toBe(2)
    await assertStored(backend.storage, { digest, bytes })
    removeJournals(directory)
  })

  test('of a blob that waits already joins it', async () => {
    const { backend, fallback } = await running()
    fallback.plan = on('commitWrite', hanging())
    const blob = makeBlob(1, 200_000)

    await Promise.all(Array.from({ length: 20 }, () => backend.storage.commitWrite(blob.digest, sourceOf(blob))))
    await backend.storage.commitWrite(blob.digest, sourceOf(blob))

    expect(backend.storage.deferredStatus?.writes).toBe(1)
  })

  test('goes on after the fallback was away, entries after the blobs that they name', async () => {
    const { backend, fallback, entries } = await running()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const order: string[] = []
    const blobs = makeBlobs(30, 1000)
    fallback.plan = failing()
    entries.plan = failing()

    for (const [index, blob] of blobs.entries()) {
      await backend.storage.commitWrite(blob.digest, sourceOf(blob))
      await backend.actionCache.update(keyOf(index), entryFor(blob))
    }
    await vi.advanceTimersByTimeAsync(60_000)
    await expect(backend.storage.hasBlob(blobs[0]?.digest as TestBlob['digest'])).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(backend.storage.deferredStatus?.consecutiveFailures).toBeGreaterThan(5)
    // Seldom, although 60 writes wait.
    expect(fallback.calls.commitWrite).toBeLessThan(30)
    fallback.plan = on('commitWrite', { after: ({ names }) => order.push(String(names[0])) })
    entries.plan = on('update', { before: ({ names }) => order.push(String(names[0])) })
    const flushing = backend.storage.flush()
    await vi.advanceTimersByTimeAsync(60_000)
    await flushing
    vi.useRealTimers()

    for (const [index, blob] of blobs.entries()) {
      await assertStored(fallback.inner, blob)
      expect((await entries.inner.get(keyOf(index)))?.references).toEqual([blob.digest])
      expect(order.indexOf(blob.digest.hash)).toBeLessThan(order.indexOf(`k${index}`))
    }
    expect(order).toHaveLength(60)
  })

  test('that the fallback refuses does not keep back the others, and is tried again', async () => {
    const { backend, fallback } = await running()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const [refused, other] = makeBlobs(2, 1000) as [TestBlob, TestBlob]
    const full = failing(new StorageError('no-space', 'full'))
    fallback.plan = on({ methods: ['commitWrite'], name: refused.digest.hash }, full)

    await backend.storage.commitWrite(refused.digest, sourceOf(refused))
    await backend.storage.commitWrite(other.digest, sourceOf(other))
    await vi.advanceTimersByTimeAsync(0)
    await vi.waitUntil(() => backend.storage.deferredStatus?.writes === 1)
    expect(await fallback.inner.hasBlob(other.digest)).toBe(true)
    fallback.plan = {}
    const flushing = backend.storage.flush()
    await vi.advanceTimersByTimeAsync(300_000)
    await flushing
    vi.useRealTimers()

    expect(await fallback.inner.hasBlob(refused.digest)).toBe(true)
    expect(new Set(events.map(({ kind, digest }) => `${kind} ${digest?.hash}`))).toEqual(
      new Set([`deferred-failure ${refused.digest.hash}`]),
    )
  })

  test('goes to the fallback at once when as many wait as may, and is refused while the fallback is away', async () => {
    const { backend, fallback } = await running({ maxPendingWrites: 3 })
    const plan = hanging()
    const [first, second, third, fourth, fifth] = makeBlobs(5, 1000) as [
      TestBlob,
      TestBlob,
      TestBlob,
      TestBlob,
      TestBlob,
    ]
    fallback.plan = on('commitWrite', plan)
    for (const blob of [first, second, third]) await backend.storage.commitWrite(blob.digest, sourceOf(blob))

    fallback.plan = {}
    await backend.storage.commitWrite(fourth.digest, sourceOf(fourth))
    expect(await fallback.inner.hasBlob(fourth.digest)).toBe(true)
    fallback.plan = failing()
    const refused = backend.storage.commitWrite(fifth.digest, sourceOf(fifth))

    await expect(refused).rejects.toMatchObject({ code: 'unavailable' })
    await expect(refused).rejects.toThrow(/3 deferred writes of 3000 bytes are waiting.*maxPendingWrites/)
    const statuses = await backend.storage.bulkUpdateBlobs([
      [first.digest, first.bytes],
      [fifth.digest, fifth.bytes],
    ])
    expect(statuses.map(({ code }) => code)).toEqual(['ok', 'unavailable'])
    plan.release()
  })

  test('that the fallback could never take is not acknowledged', async () => {
    const { backend, fallback } = await running()
    Object.defineProperty(fallback, 'maxBlobBytes', { get: () => 500 })
    fallback.plan = on('commitWrite', failing(new StorageError('too-large', 'at most 500 bytes')))
    const blob = makeBlob(1, 1000)

    await expect(backend.storage.commitWrite(blob.digest, sourceOf(blob))).rejects.toMatchObject({ code: 'too-large' })
    expect(backend.storage.deferredStatus?.writes).toBe(0)
  })

  test('is bounded in bytes, those being written included', async () => {
    const { backend, fallback } = await running({ maxPendingBytes: 500_000 })
    fallback.plan = on('commitWrite', failing())
    const blobs = makeBlobs(4, 200_000)

    const outcomes = await Promise.allSettled(
      blobs.map((blob) => backend.storage.commitWrite(blob.digest, sourceOf(blob))),
    )

    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  })
})
