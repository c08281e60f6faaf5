import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestBlob } from '@caskade/conformance'
import { makeBlob, makeBlobs, sourceOf } from '@caskade/conformance'
import type { Digest, StorageABC } from '@caskade/core'
import { digestOf, startAll, stopAll } from '@caskade/core'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SqliteStorage } from './index.ts'
import { KEPT_REMOVALS } from './schema.ts'

/** Each test finds its blobs once before they vanish, so that they are remembered. */
let path: string
let storage: SqliteStorage
/** Over the same folder, with a connection of its own: SQLite makes no difference between that and another process. */
let other: SqliteStorage

beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
  storage = new SqliteStorage({ path })
  other = new SqliteStorage({ path, maxBytes: 2_000_000 })
  await startAll([storage, other])
})

afterEach(async () => {
  await stopAll([storage, other])
  rmSync(path, { recursive: true })
})

async function store(blobs: readonly TestBlob[], into: StorageABC = storage): Promise<Digest[]> {
  const statuses = await into.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))
  expect(statuses.filter(({ code }) => code !== 'ok')).toEqual([])
  return blobs.map(({ digest }) => digest)
}

async function storeAndFind(blobs: readonly TestBlob[]): Promise<Digest[]> {
  const digests = await store(blobs)
  expect(await storage.missingBlobs(digests)).toEqual([])
  return digests
}

function run(sql: string): void {
  const database = new Database(join(path, 'caskade.sqlite'))
  try {
    database.exec(sql)
  } finally {
    database.close()
  }
}

describe('missingBlobs, of blobs that were found before', () => {
  test('misses what was deleted', async () => {
    const [gone, ...kept] = await storeAndFind(makeBlobs(20, 100))
    if (gone === undefined) return

    await storage.deleteBlob(gone)

    expect(await storage.missingBlobs([gone, ...kept])).toEqual([gone])
  })

  test('misses what another process deleted', async () => {
    const digests = await storeAndFind(makeBlobs(20, 100))

    await other.bulkDelete(digests.slice(5, 10))

    expect(await storage.missingBlobs(digests)).toEqual(digests.slice(5, 10))
  })

  test('misses what another process deleted, more than are kept on record', async () => {
    const digests = await storeAndFind(makeBlobs(KEPT_REMOVALS + 50, 100))

    await other.bulkDelete(digests.slice(1))

    expect(await storage.missingBlobs(digests)).toEqual(digests.slice(1))
  })

  test('misses what another process deletes after each look', async () => {
    const digests = await storeAndFind(makeBlobs(20, 100))

    for (const [index, digest] of digests.entries()) {
      expect(await storage.missingBlobs([digest])).toEqual([])
      run(`DELETE FROM blob WHERE hex(key) = '01${digest.hash.toUpperCase()}'`)
      expect(await storage.missingBlobs([digest])).toEqual([digest])
      expect(await storage.missingBlobs(digests.slice(index + 1))).toEqual([])
    }
  })

  test('misses what another process evicted', async () => {
    const digests = await storeAndFind(makeBlobs(20, 10_000))

    await store(makeBlobs(250, 10_000, 1000), other)

    expect(await storage.missingBlobs(digests)).toEqual(digests)
  })

  test('misses what was found damaged', async () => {
    const [damaged, ...kept] = await storeAndFind(makeBlobs(20, 100))
    if (damaged === undefined) return
    run(`UPDATE content SET bytes = zeroblob(100)
      WHERE blob_id = (SELECT id FROM blob WHERE hex(key) = '01${damaged.hash.toUpperCase()}')`)

    await expect(storage.getBlob(damaged)).rejects.toMatchObject({ code: 'corrupt' })

    expect(await storage.missingBlobs([...kept, damaged])).toEqual([damaged])
  })

  test('misses what a process removed that knows nothing of the record, and runs', async () => {
    const digests = await storeAndFind(makeBlobs(20, 100))
    const script = `const Database = require(process.argv[1])
      new Database(process.argv[2]).exec('DELETE FROM blob WHERE id % 2 = 0')`
    const driver = createRequire(import.meta.url).resolve('better-sqlite3')

    const { status } = spawnSync(process.execPath, ['-e', script, driver, join(path, 'caskade.sqlite')])

    expect(status).toBe(0)
    expect(await storage.missingBlobs(digests)).toHaveLength(10)
    expect(await storage.missingBlobs(digests)).toEqual(await other.missingBlobs(digests))
  })

  test('does not miss what was deleted and stored again', async () => {
    const blobs = makeBlobs(20, 100)
    const digests = await storeAndFind(blobs)
    await other.bulkDelete(digests)

    await store(blobs.slice(0, 10), other)

    expect(await storage.missingBlobs(digests)).toEqual(digests.slice(10))
  })

  test('misses digests of another size', async () => {
    const digests = await storeAndFind(makeBlobs(20, 100))

    const wrong = digests.map(({ hash }, index) => ({ hash, sizeBytes: index * 2 ** 30 }))

    expect(await storage.missingBlobs(wrong)).toEqual(wrong)
  })

  test('misses nothing whose removal was undone', async () => {
    const digests = await storeAndFind(makeBlobs(20, 100))

    run('BEGIN; DELETE FROM blob; ROLLBACK')

    expect(await storage.missingBlobs(digests)).toEqual([])
  })
})

test('missingBlobs: finds many at once, of any digest function', async () => {
  const functions = ['sha256', 'sha1', 'sha256', 'sha512', 'sha256'] as const
  for (const count of [1, 5, 6, 16, 17, 64, 65, 128, 129, 513, 700]) {
    const blobs = Array.from({ length: count }, (_, index): TestBlob => {
      const bytes = Buffer.from(`${count} ${index}`)
      return { bytes, digest: digestOf(bytes, count % 2 === 0 ? functions[index % functions.length] : 'sha256') }
    })
    const stored = await store(blobs.filter((_, index) => index % 3 === 0))
    const digests = blobs.map(({ digest }) => digest)

    const missing = await storage.missingBlobs(digests)

    expect(missing).toEqual(digests.filter((digest) => !stored.includes(digest)))
    expect(await storage.missingBlobs(digests)).toEqual(missing)
  }
})

test('missingBlobs: goes on recording uses of what it remembers', async () => {
  let now = 1_000_000_000
  await using timed = new SqliteStorage({ path, now: () => now, accessGranularityMs: 10_000 })
  await timed.start()
  const blob = makeBlob(1, 100)
  await timed.commitWrite(blob.digest, sourceOf(blob))
  const usedAt: (number | undefined)[] = []

  for (const passedMs of [1000, 1000, 9000, 1000, 11_000]) {
    now += passedMs
    await timed.missingBlobs([blob.digest])
    // A write records the uses that were noted before it.
    await timed.deleteBlob(digestOf(Buffer.of(0)))
    const [info] = await Array.fromAsync(timed.listBlobs())
    usedAt.push(info?.lastAccessMs)
  }

  expect(usedAt).toEqual([0, 0, 11_000, 11_000, 23_000].map((passedMs) => 1_000_000_000 + passedMs))
})

test('a database without a record of removals gets one, which processes keep that were there before', async () => {
  run('DROP TRIGGER blob_removed; DROP TABLE removal')
  const older = new Database(join(path, 'caskade.sqlite'))
  const remove = older.prepare('DELETE FROM blob WHERE id = ?')
  await using newer = new SqliteStorage({ path })
  await newer.start()
  const blobs = makeBlobs(20, 100)
  const digests = await store(blobs, newer)
  expect(await newer.missingBlobs(digests)).toEqual([])

  remove.run(3)

  expect(await newer.missingBlobs(digests)).toEqual(digests.slice(2, 3))
  older.close()
})
