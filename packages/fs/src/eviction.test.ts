import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { makeBlob, makeBlobs, sourceOf } from '@caskade/conformance'
import type { StorageEvent } from '@caskade/core'
import { onStorageEvent } from '@caskade/core'
import { fileCostBytes } from '@caskade/core/files'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { OpenedStore } from './stores.fixture.ts'
import { commitAll, costOnDisk, keptOf, openStore, pathOf, setUsed } from './stores.fixture.ts'

const SIZE = 20_000
const COST = fileCostBytes(SIZE)

/** A quota with room for so many of them. */
const roomFor = (count: number): number => Math.ceil(((count + 0.5) * COST * 64) / 63)

let path: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'caskade-fs-'))
})

afterEach(() => rmSync(path, { recursive: true }))

/** Waits until so little is used that eviction in the background ends. */
async function untilBelow({ store }: OpenedStore, bytes: number): Promise<void> {
  while (store.running.accounts.usedBytes > bytes) await setImmediate()
  await store.running.room.stop()
}

describe('watermarks', () => {
  test('above the high one the least recently used goes in the background, down to the low one', async () => {
    await using opened = await openStore({ path, maxBytes: roomFor(20), highWatermark: 0.8, lowWatermark: 0.5 })
    const blobs = makeBlobs(17, SIZE)

    await commitAll(opened.storage, blobs)
    await untilBelow(opened, opened.store.quota.lowBytes)

    const kept = await keptOf(opened.storage, blobs)
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 17 - kept.length + index))
    expect(kept.length * COST).toBeLessThanOrEqual(opened.store.quota.lowBytes)
    expect((kept.length + 1) * COST).toBeGreaterThan(opened.store.quota.lowBytes)
  })

  test('below the high one everything stays', async () => {
    await using opened = await openStore({ path, maxBytes: roomFor(20), highWatermark: 0.9, lowWatermark: 0.5 })
    const blobs = makeBlobs(17, SIZE)

    await commitAll(opened.storage, blobs)
    await opened.store.running.room.stop()

    expect(await keptOf(opened.storage, blobs)).toHaveLength(17)
  })
})

const EXACT = { highWatermark: 1, lowWatermark: 1, accessGranularityMs: 0 }

describe('the order of eviction', () => {
  test('is that of last use, also where it is not recorded yet', async () => {
    await using opened = await openStore({ path, maxBytes: roomFor(10), ...EXACT })
    const blobs = makeBlobs(10, SIZE)
    await commitAll(opened.storage, blobs)
    const used = [0, 3, 4, 9]
    for (const index of used) expect(await opened.storage.hasBlob(blobs[index]!.digest)).toBe(true)

    await commitAll(opened.storage, makeBlobs(6, SIZE, 100))

    expect(await keptOf(opened.storage, blobs)).toEqual(used)
  })

  test('has an entry go before the blobs that it references, which its use keeps', async () => {
    await using opened = await openStore({ path, maxBytes: roomFor(12), ...EXACT })
    const { storage, actionCache } = opened
    const [referenced, unreferenced] = [makeBlobs(3, SIZE), makeBlobs(3, SIZE, 100)]
    await commitAll(storage, referenced)
    const key = { namespace: 'n', key: 'k' }
    const references = referenced.map(({ digest }) => digest)
    await actionCache.update(key, { bytes: new Uint8Array(SIZE), references, metadata: {} })
    await commitAll(storage, unreferenced)
    expect(await actionCache.get(key)).not.toBe(null)

    const kept: [entry: boolean, blobs: number][] = []
    for (const blob of makeBlobs(20, SIZE, 200)) {
      await storage.commitWrite(blob.digest, sourceOf(blob))
      const entries = await Array.fromAsync(actionCache.list('n'))
      kept.push([entries.length === 1, (await keptOf(storage, referenced)).length])
    }

    expect(await keptOf(storage, unreferenced)).toEqual([])
    expect(kept.filter(([entry, blobs]) => entry && blobs < 3)).toEqual([])
    expect(kept).toContainEqual([false, 3])
    expect(kept.at(-1)).toEqual([false, 0])
  })

  test('in a store too large to be looked at as a whole is nearly that of last use', async () => {
    const count = 10_000
    const blobs = makeBlobs(count, 10)
    for (const [index, blob] of blobs.entries()) {
      mkdirSync(dirname(pathOf(path, blob)), { recursive: true })
      writeFileSync(pathOf(path, blob), blob.bytes)
      setUsed(path, blob, 1_700_000_000_000 + index * 1000)
    }
    const maxBytes = (count * fileCostBytes(10) * 1.02 * 64) / 63
    await using opened = await openStore({ path, maxBytes, highWatermark: 0.8, lowWatermark: 0.7 })

    await untilBelow(opened, opened.store.quota.lowBytes)

    const kept = await keptOf(opened.storage, blobs)
    expect(kept.length).toBeLessThan(0.72 * count)
    expect(kept.length).toBeGreaterThan(0.66 * count)
    const oldestThird = kept.filter((index) => index < count * 0.25).length
    const newestHalf = kept.filter((index) => index >= count * 0.5).length
    expect(oldestThird).toBeLessThan(0.02 * count)
    expect(newestHalf).toBeGreaterThan(0.48 * count)
  })
})

describe('the lease', () => {
  test('has writes refused, with an event, until what is there is no longer leased', async () => {
    let nowMs = 1_700_000_000_000
    const leaseMs = 60_000
    await using opened = await openStore({ path, maxBytes: roomFor(10), ...EXACT, leaseMs, now: () => nowMs })
    const [blobs, more] = [makeBlobs(10, SIZE), makeBlob(1000, SIZE)]
    await commitAll(opened.storage, blobs)
    const events: StorageEvent[] = []
    const endListening = onStorageEvent((event) => events.push(event))

    const refused = opened.storage.commitWrite(more.digest, sourceOf(more))
    await expect(refused).rejects.toMatchObject({ name: 'StorageError', code: 'no-space' })
    expect(events.map(({ kind }) => kind)).toEqual(['lease-refusal'])
    expect(await keptOf(opened.storage, blobs)).toHaveLength(10)
    nowMs += leaseMs + 2000
    await opened.storage.commitWrite(more.digest, sourceOf(more))
    endListening()

    expect(await keptOf(opened.storage, blobs)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('covers what was read since, and not what the clock dates in the far future', async () => {
    let nowMs = 1_700_000_000_000
    const leaseMs = 60_000
    await using opened = await openStore({ path, maxBytes: roomFor(10), ...EXACT, leaseMs, now: () => nowMs })
    const blobs = makeBlobs(10, SIZE)
    await commitAll(opened.storage, blobs)
    nowMs += leaseMs
    for (const { digest } of blobs.slice(0, 8)) await opened.storage.hasBlob(digest)
    nowMs += leaseMs / 2
    setUsed(path, blobs[9]!, nowMs + 1e9)

    await commitAll(opened.storage, makeBlobs(2, SIZE, 100))

    expect(await keptOf(opened.storage, blobs)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    const more = makeBlob(1000, SIZE)
    const refused = opened.storage.commitWrite(more.digest, sourceOf(more))
    await expect(refused).rejects.toMatchObject({ code: 'no-space' })
  })
})

describe('what is in use', () => {
  test('is the sum of what is there, after writes, failures, replacements, evictions and deletes', async () => {
    const maxBytes = 1_000_000
    await using opened = await openStore({ path, maxBytes, ...EXACT })
    const { storage, actionCache } = opened
    const blobs = [...makeBlobs(30, 5000), ...makeBlobs(30, 50_000, 100)]
    await commitAll(storage, [...blobs, ...blobs])
    for (const { digest, bytes } of blobs.slice(0, 10)) {
      const key = { namespace: 'n', key: digest.hash.slice(0, 1) }
      await actionCache.update(key, { bytes, references: [digest], metadata: {} })
      await actionCache.update(key, { bytes, references: [], metadata: {} }, { ifAbsent: true })
    }
    await actionCache.delete({ namespace: 'n', key: blobs[0]!.digest.hash.slice(0, 1) })
    const short = { ...sourceOf(makeBlob(7, 40_000)), sizeBytes: 40_001 }
    await expect(storage.commitWrite({ hash: 'a'.repeat(64), sizeBytes: 40_001 }, short)).rejects.toThrow(/40001/)
    await storage.bulkDelete(blobs.slice(25, 40).map(({ digest }) => digest))

    expect(opened.store.running.accounts.usedBytes).toBe(costOnDisk(path))
    expect(costOnDisk(path)).toBeGreaterThan(300_000)
    expect(costOnDisk(path)).toBeLessThanOrEqual(maxBytes)
  })

  test('includes what was deleted while it is being read, until its last reader has ended', async () => {
    await using opened = await openStore({ path, maxBytes: 10_000_000, ...EXACT })
    const { storage } = opened
    const blob = makeBlob(1, 1_000_000)
    await storage.commitWrite(blob.digest, sourceOf(blob))
    const { accounts } = opened.store.running
    const before = accounts.usedBytes
    const readers = [await storage.getBlob(blob.digest), await storage.getBlob(blob.digest)]

    await storage.deleteBlob(blob.digest)

    expect(await storage.hasBlob(blob.digest)).toBe(false)
    expect(accounts.usedBytes).toBe(before)
    await readers[0]?.[Symbol.asyncDispose]()
    expect(accounts.usedBytes).toBe(before)
    expect(Buffer.compare((await readers[1]?.bytes()) ?? Buffer.alloc(0), blob.bytes)).toBe(0)
    expect(accounts.usedBytes).toBe(0)
  })

  test('is free again once a file that was linked from elsewhere is deleted', async () => {
    await using opened = await openStore({ path, maxBytes: 10_000_000, ...EXACT })
    const blob = makeBlob(1, 1_000_000)
    writeFileSync(join(path, 'source'), blob.bytes)
    await opened.storage.commitWrite(blob.digest, { ...sourceOf(blob), filePath: join(path, 'source') })
    const reader = await opened.storage.getBlob(blob.digest)

    await opened.storage.deleteBlob(blob.digest)
    await reader?.[Symbol.asyncDispose]()

    expect(opened.store.running.accounts.usedBytes).toBe(0)
  })
})
