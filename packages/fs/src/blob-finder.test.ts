import { mkdtempSync, renameSync, rmSync, statSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestBlob } from '@caskade/conformance'
import { makeBlob, makeBlobs, sourceOf } from '@caskade/conformance'
import type { Digest, StorageABC } from '@caskade/core'
import { digestOf, startAll, stopAll } from '@caskade/core'
import { nodeFiles } from '@caskade/core/files'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FsStorage } from './index.ts'
import { blockingLooks, waitUntilSteady } from './looks.fixture.ts'
import { pathOf as storedAt } from './stores.fixture.ts'

let path: string
let storage: FsStorage
/** Over the same folder, as another process would be. */
let other: FsStorage
/** The looks at files that `storage` makes. */
let looks: string[]

const blocking = blockingLooks((file) => looks.push(file))

beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'caskade-fs-'))
  looks = []
  storage = new FsStorage({ path, maxBytes: 2_000_000, files: { ...nodeFiles, blocking } })
  other = new FsStorage({ path, maxBytes: 2_000_000 })
  await startAll([storage, other])
})

afterEach(async () => {
  await stopAll([storage, other])
  rmSync(path, { recursive: true })
})

function pathOf(digest: Digest): string {
  return storedAt(path, { digest })
}

function untilSteady(): void {
  waitUntilSteady(path)
}

async function store(blobs: readonly TestBlob[], into: StorageABC = storage): Promise<Digest[]> {
  for (const blob of blobs) await into.commitWrite(blob.digest, sourceOf(blob))
  return blobs.map(({ digest }) => digest)
}

/** Stores blobs and looks for them until they are remembered: until their folders alone are looked at. */
async function storeAndFind(blobs: readonly TestBlob[]): Promise<Digest[]> {
  const digests = await store(blobs)
  const folders = new Set(digests.map((digest) => `${dirname(pathOf(digest))}/.`))
  untilSteady()
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    looks = []
    expect(await storage.missingBlobs(digests)).toEqual([])
    // Elsewhere, there was no quick answer, or a file was not yet settled.
    if (looks.length === folders.size && looks.every((look) => folders.has(look))) return digests
  }
  throw new Error('they are never remembered')
}

function blobsOfOneFolder(): TestBlob[] {
  return makeBlobs(5000, 10).filter(({ digest }) => digest.hash.startsWith('ab'))
}

describe('missingBlobs, of blobs that were found before', () => {
  test('misses what was deleted', async () => {
    const digests = await storeAndFind(makeBlobs(20, 100))

    await storage.bulkDelete(digests.slice(3, 7))
    untilSteady()

    expect(await storage.missingBlobs(digests)).toEqual(digests.slice(3, 7))
  })

  test('misses what another process deleted', async () => {
    const digests = await storeAndFind(makeBlobs(20, 100))

    await other.bulkDelete(digests.slice(5, 10))
    untilSteady()

    expect(await storage.missingBlobs(digests)).toEqual(digests.slice(5, 10))
  })

  test('misses what another process evicted', async () => {
    const digests = await storeAndFind(makeBlobs(20, 10_000))

    await store(makeBlobs(250, 10_000, 1000), other)
    untilSteady()

    const missing = await storage.missingBlobs(digests)
    expect(missing.length).toBeGreaterThan(0)
    expect(missing).toEqual(await other.missingBlobs(digests))
  })

  test('misses what people removed by hand, whatever times they give to the folder', async () => {
    const digests = await storeAndFind(makeBlobs(20, 100))
    const times = digests.map((digest) => statSync(dirname(pathOf(digest))))

    for (const digest of digests) spawnSync('rm', [pathOf(digest)])
    for (const [index, digest] of digests.entries()) {
      utimesSync(dirname(pathOf(digest)), times[index]?.atime ?? 0, times[index]?.mtime ?? 0)
    }
    untilSteady()

    expect(await storage.missingBlobs(digests)).toEqual(digests)
  })

  test('misses all of a folder that was removed, or replaced', async () => {
    const [removed, replaced, ...kept] = await storeAndFind(makeBlobs(3, 100))
    if (removed === undefined || replaced === undefined) return
    const empty = mkdtempSync(join(path, 'empty-'))

    rmSync(dirname(pathOf(removed)), { recursive: true })
    renameSync(dirname(pathOf(replaced)), join(path, 'old'))
    renameSync(empty, dirname(pathOf(replaced)))
    untilSteady()

    expect(await storage.missingBlobs([removed, replaced, ...kept])).toEqual([removed, replaced])
  })

  test('misses what was found damaged', async () => {
    const [damaged, ...kept] = await storeAndFind(makeBlobs(20, 100))
    if (damaged === undefined) return
    writeFileSync(pathOf(damaged), 'x'.repeat(100))

    await expect(storage.getBlob(damaged)).rejects.toMatchObject({ code: 'corrupt' })
    untilSteady()

    expect(await storage.missingBlobs([...kept, damaged])).toEqual([damaged])
  })

  test('does not miss what was deleted and stored again', async () => {
    const blobs = makeBlobs(20, 100)
    const digests = await storeAndFind(blobs)
    await other.bulkDelete(digests)

    await store(blobs.slice(0, 10), other)
    untilSteady()

    expect(await storage.missingBlobs(digests)).toEqual(digests.slice(10))
  })

  test('misses what went at once after another change of the folder', async () => {
    const digests = await storeAndFind(blobsOfOneFolder())
    const found: Digest[] = []

    for (const digest of digests) {
      // All of it is mostly done before the times of files go on.
      writeFileSync(`${pathOf(digest)}.other`, '')
      await storage.missingBlobs([digest])
      unlinkSync(pathOf(digest))
      const missing = await storage.missingBlobs([digest])
      if (missing.length === 0) found.push(digest)
    }

    expect(digests.length).toBeGreaterThan(10)
    expect(found).toEqual([])
  })

  test('says that it cannot tell where a folder cannot be looked at any more', async () => {
    const [digest] = await storeAndFind([makeBlob(1, 100)])
    if (digest === undefined) return
    const folder = dirname(pathOf(digest))

    rmSync(folder, { recursive: true })
    writeFileSync(folder, '')

    await expect(storage.missingBlobs([digest])).rejects.toMatchObject({ name: 'StorageError', code: 'unknown' })
  })
})

test('missingBlobs: finds again what was added to a folder that was not there', async () => {
  const blob = makeBlob(1, 100)
  expect(await storage.missingBlobs([blob.digest])).toEqual([blob.digest])

  await store([blob], other)

  expect(await storage.missingBlobs([blob.digest])).toEqual([])
})

/** Looks for blobs that are not there until that is remembered: until their folders alone are looked at. */
async function missUntilRemembered(digests: readonly Digest[]): Promise<void> {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    looks = []
    expect(await storage.missingBlobs(digests)).toEqual(digests)
    if (looks.length > 0 && looks.every((look) => look.endsWith('/.'))) return
  }
  throw new Error('it is never remembered')
}

describe('missingBlobs, of blobs that were missing before', () => {
  /** Of which there is a folder that holds something else. */
  function blobsBesideOthers(): readonly [TestBlob[], TestBlob[]] {
    const blobs = blobsOfOneFolder()
    return [blobs.slice(0, 10), blobs.slice(10)]
  }

  test('finds what another process stored', async () => {
    const [absent, others] = blobsBesideOthers()
    await storeAndFind(others)
    const digests = absent.map(({ digest }) => digest)
    await missUntilRemembered(digests)

    await store(absent.slice(3, 7), other)
    untilSteady()

    expect(await storage.missingBlobs(digests)).toEqual([...digests.slice(0, 3), ...digests.slice(7)])
  })

  test('finds what was stored at once after another change of the folder', async () => {
    const [absent, others] = blobsBesideOthers()
    await storeAndFind(others)
    const missed: Digest[] = []

    for (const { digest, bytes } of absent) {
      // All of it is mostly done before the times of files go on.
      writeFileSync(`${pathOf(digest)}.other`, '')
      await storage.missingBlobs([digest])
      writeFileSync(pathOf(digest), bytes)
      missed.push(...(await storage.missingBlobs([digest])))
    }

    expect(absent.length).toBe(10)
    expect(missed).toEqual([])
  })

  test('finds a file whose last use is said to have been in 1970', async () => {
    const [digest] = await storeAndFind(blobsOfOneFolder().slice(0, 1))
    if (digest === undefined) return

    utimesSync(pathOf(digest), 0, 0)
    // Whatever changes the folder has the file looked at again.
    writeFileSync(`${pathOf(digest)}.other`, '')
    untilSteady()

    expect(await storage.missingBlobs([digest])).toEqual([])
    expect(await storage.missingBlobs([digest])).toEqual([])
  })
})

test('missingBlobs: goes on recording uses of what it remembers', async () => {
  let now = Date.now()
  const startedMs = now
  await using timed = new FsStorage({ path, now: () => now, accessGranularityMs: 10_000 })
  await timed.start()
  const [digest] = await store([makeBlob(1, 100)], timed)
  if (digest === undefined) return
  untilSteady()
  const usedAfterMs: number[] = []

  for (const passedMs of [1000, 1000, 9000, 11_000]) {
    now += passedMs
    expect(await timed.missingBlobs([digest])).toEqual([])
    const [info] = await Array.fromAsync(timed.listBlobs())
    usedAfterMs.push(Math.floor((info?.lastAccessMs ?? 0) - startedMs))
  }

  expect(usedAfterMs).toEqual([0, 0, 11_000, 22_000])
})

test('missingBlobs: tells sizes and digest functions apart in one folder', async () => {
  const bytes = Buffer.from('content')
  const digests = (['sha256', 'sha1', 'sha512'] as const).map((name) => digestOf(bytes, name))
  await storeAndFind(digests.map((digest) => ({ digest, bytes })))
  const wrong = digests.map((digest, index) => ({ ...digest, sizeBytes: digest.sizeBytes + 2 ** (28 + index) }))

  expect(await storage.missingBlobs([...wrong, ...digests])).toEqual(wrong)
})
