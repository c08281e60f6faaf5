import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestBlob } from '@caskade/conformance'
import { makeBlobs, sourceOf } from '@caskade/conformance'
import type { StorageABC } from '@caskade/core'
import { createDigest, startAll, stopAll } from '@caskade/core'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { sqliteBackend, SqliteStorage } from './index.ts'

let path: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
})

afterEach(() => rmSync(path, { recursive: true }))

async function write(storage: StorageABC, blobs: readonly TestBlob[]): Promise<void> {
  for (const blob of blobs) await storage.commitWrite(blob.digest, sourceOf(blob))
}

async function countOf(storage: StorageABC): Promise<number> {
  return (await Array.fromAsync(storage.listBlobs())).length
}

function usage(): { usedBytes: number; fileBytes: number } {
  const database = new Database(join(path, 'caskade.sqlite'))
  try {
    return database.prepare('SELECT used_bytes AS usedBytes, file_bytes AS fileBytes FROM usage').get() as {
      usedBytes: number
      fileBytes: number
    }
  } finally {
    database.close()
  }
}

function filesOnDisk(): string[] {
  return readdirSync(join(path, 'files'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
}

function databaseBytes(): number {
  return statSync(join(path, 'caskade.sqlite')).size
}

describe('the quota', () => {
  test('is kept when entries of little but references come where rows left gaps', async () => {
    const maxBytes = 16 * 1024 * 1024
    const { storage, actionCache } = sqliteBackend({ path, maxBytes, accessGranularityMs: 0 })
    await using running = storage
    await using alsoRunning = actionCache
    await startAll([running, alsoRunning])
    const blobs = makeBlobs(6000, 1400)
    await storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))
    await storage.bulkDelete(blobs.filter((_, index) => index % 2 === 0).map(({ digest }) => digest))
    const references = Array.from({ length: 10_000 }, (_, index) => createDigest('a'.repeat(64), index))

    for (let index = 0; index < 15; index++) {
      const entry = { bytes: Buffer.of(index), references, metadata: {} }
      await actionCache.update({ namespace: 'n', key: String(index) }, entry)
    }
    await stopAll([running, alsoRunning])

    expect(databaseBytes()).toBeLessThanOrEqual(maxBytes)
  })

  test('is kept by the pages of the database when rows go in another order than they came', async () => {
    const maxBytes = 8_000_000
    await using storage = new SqliteStorage({ path, maxBytes, accessGranularityMs: 0 })
    await storage.start()
    for (let round = 0; round < 8; round++) {
      const blobs = makeBlobs(2000, 700, round * 10_000)
      await storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))
      // Every third one is used again, so that those in between go first and leave gaps.
      await storage.missingBlobs(blobs.filter((_, index) => index % 3 === 0).map(({ digest }) => digest))
      expect(databaseBytes()).toBeLessThanOrEqual(maxBytes)
    }
    await storage.stop()

    expect(databaseBytes()).toBeLessThanOrEqual(maxBytes)
    expect(databaseBytes()).toBeGreaterThan(maxBytes / 2)
  })

  test('is left to files once rows have gone: the database gives back its pages first', async () => {
    const maxBytes = 8_000_000
    await using storage = new SqliteStorage({ path, maxBytes })
    await storage.start()
    const rows = makeBlobs(600, 12_000)
    await storage.bulkUpdateBlobs(rows.map(({ digest, bytes }) => [digest, bytes]))

    await write(storage, makeBlobs(20, 1_000_000, 1000))
    await storage.stop()

    expect(databaseBytes() + usage().fileBytes).toBeLessThanOrEqual(maxBytes)
    expect(usage().fileBytes).toBeGreaterThan(maxBytes / 2)
  })

  test('is let go down to the low watermark once it is above the high one', async () => {
    const watermarks = { highWatermark: 0.9, lowWatermark: 0.5 }
    await using storage = new SqliteStorage({ path, maxBytes: 4_000_000, ...watermarks })
    await storage.start()

    const counts: number[] = []
    for (const blob of makeBlobs(60, 100_000)) {
      await storage.commitWrite(blob.digest, sourceOf(blob))
      counts.push(await countOf(storage))
    }
    await storage.stop()

    const steps = counts.slice(1).map((count, index) => count - (counts[index] ?? 0))
    expect(Math.max(...counts) * 100_000).toBeLessThan(0.9 * 4_000_000)
    expect(Math.min(...steps)).toBeLessThan(-5)
  })

  test.each([{ maxBytes: 100 }, { maxBytes: Number.NaN }, { lowWatermark: 0 }, { highWatermark: 2 }, { leaseMs: -1 }])(
    'that is %o is refused',
    (options) => {
      expect(() => new SqliteStorage({ path, ...options })).toThrow(
        expect.objectContaining({ code: 'invalid-argument' }),
      )
    },
  )
})

describe('a file that is removed while it is read', () => {
  const size = 300_000

  test('counts until the reader is done', async () => {
    const [read] = makeBlobs(1, size)
    if (read === undefined) return
    await using storage = new SqliteStorage({ path })
    await storage.start()
    await write(storage, [read])
    const reader = await storage.getBlob(read.digest)

    await storage.deleteBlob(read.digest)
    const whileReading = usage()
    const bytes = await reader?.bytes()
    await storage.stop()

    expect(whileReading.fileBytes).toBeGreaterThan(size)
    expect(bytes?.byteLength).toBe(size)
    expect(usage().fileBytes).toBe(0)
    expect(filesOnDisk()).toEqual([])
  })

  test('does not keep others from being evicted in its place', async () => {
    const [read, ...others] = makeBlobs(40, size)
    if (read === undefined) return
    await using storage = new SqliteStorage({ path, maxBytes: 3_000_000 })
    await storage.start()
    await write(storage, [read])
    const reader = await storage.getBlob(read.digest)

    await write(storage, others)

    expect(await storage.hasBlob(read.digest)).toBe(false)
    expect(usage().fileBytes).toBeLessThan(3_000_000)
    expect((await reader?.bytes())?.byteLength).toBe(size)
  })

  test('counts again within two seconds when another process removed it', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const [read] = makeBlobs(1, size)
    if (read === undefined) return
    const [left, right] = [new SqliteStorage({ path }), new SqliteStorage({ path })]
    await left.start()
    await right.start()
    await write(left, [read])
    const reader = await left.getBlob(read.digest)

    await right.deleteBlob(read.digest)
    await right.stop()
    expect(usage().fileBytes).toBe(0)
    await vi.advanceTimersByTimeAsync(2000)
    await vi.waitUntil(() => usage().fileBytes > size, { timeout: 20_000, interval: 1 })
    const bytes = await reader?.bytes()
    await left.stop()

    expect(bytes?.byteLength).toBe(size)
    expect(usage().fileBytes).toBe(0)
    vi.useRealTimers()
  })
})

test('a check does not count as use', async () => {
  const storage = new SqliteStorage({ path, accessGranularityMs: 0 })
  await storage.start()
  const blobs = makeBlobs(2, 100_000)
  await write(storage, blobs)
  const before = await Array.fromAsync(storage.listBlobs())

  for (const { digest } of blobs) expect(await storage.checkBlob(digest)).toBe('whole')
  await storage.stop()

  await storage.start()
  expect(await Array.fromAsync(storage.listBlobs())).toEqual(before)
  await storage.stop()
})

test('a database of the first version is brought up to date: what is files is counted', async () => {
  const storage = new SqliteStorage({ path })
  await storage.start()
  const blobs = [...makeBlobs(5, 100), ...makeBlobs(5, 100_000, 100)]
  await write(storage, blobs)
  await storage.stop()
  const expected = usage()
  const database = new Database(join(path, 'caskade.sqlite'))
  database.exec('ALTER TABLE usage DROP COLUMN file_bytes; PRAGMA user_version = 1')
  database.close()

  await storage.start()
  expect(await storage.missingBlobs(blobs.map(({ digest }) => digest))).toEqual([])
  await storage.stop()

  expect(expected.fileBytes).toBeGreaterThan(500_000)
  expect(usage()).toEqual(expected)
})
