import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestBlob } from '@caskade/conformance'
import { makeBlob, makeBlobs, sourceOf } from '@caskade/conformance'
import { StorageError } from '@caskade/core'
import { fileCostBytes, OwnedDirectory } from '@caskade/core/files'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Ledger } from './ledger.ts'
import { blobName } from './layout.ts'
import { commitAll, costOnDisk, keptOf, openStore, pathOf, setUsed } from './stores.fixture.ts'

const MAX_BYTES = 1_000_000
const EXACT = { highWatermark: 1, lowWatermark: 1, accessGranularityMs: 0 }

let path: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'caskade-fs-'))
})

afterEach(() => rmSync(path, { recursive: true }))

describe('two on one folder', () => {
  test('each sees what the other writes, and neither removes what the other is writing', async () => {
    await using left = await openStore({ path })
    const fromLeft = makeBlobs(20, 20_000)
    const writing = commitAll(left.storage, fromLeft)
    await using right = await openStore({ path })
    const fromRight = makeBlobs(20, 300, 500)
    await commitAll(right.storage, fromRight)
    await writing

    expect(await right.storage.missingBlobs(fromLeft.map(({ digest }) => digest))).toEqual([])
    expect(await left.storage.missingBlobs(fromRight.map(({ digest }) => digest))).toEqual([])
  })

  test('that write at once never exceed the quota together, and what each counts is what is there', async () => {
    await using left = await openStore({ path, maxBytes: MAX_BYTES, ...EXACT })
    await using right = await openStore({ path, maxBytes: MAX_BYTES, ...EXACT })
    let most = 0
    const write = async (storage: typeof left.storage, blobs: readonly TestBlob[]): Promise<void> => {
      for (const blob of blobs) {
        await storage.commitWrite(blob.digest, sourceOf(blob)).catch((error: unknown) => {
          if (!StorageError.is(error, 'no-space')) throw error
        })
        most = Math.max(most, costOnDisk(path))
      }
    }

    await Promise.all([
      write(left.storage, makeBlobs(40, 50_000)),
      write(left.storage, makeBlobs(40, 20_000, 1000)),
      write(right.storage, makeBlobs(40, 50_000, 2000)),
      write(right.storage, [...makeBlobs(20, 300_000, 3000), ...makeBlobs(20, 50_000)]),
    ])

    expect(most).toBeLessThanOrEqual(MAX_BYTES)
    expect(most).toBeGreaterThan(MAX_BYTES / 2)
    for (const { store } of [left, right]) {
      const { usedBytes } = await store.running.accounts.totals()
      expect(usedBytes).toBeGreaterThanOrEqual(costOnDisk(path))
      expect(usedBytes).toBeLessThanOrEqual(costOnDisk(path) + 6 * store.running.accounts.chunkBytes)
    }
  })

  test('what one reads and the other deletes counts until the reader has ended', async () => {
    await using left = await openStore({ path, maxBytes: 10 * MAX_BYTES })
    await using right = await openStore({ path, maxBytes: 10 * MAX_BYTES })
    const blob = makeBlob(1, 1_000_000)
    await commitAll(left.storage, [blob])
    const before = (await left.store.running.accounts.totals()).usedBytes
    const reader = await left.storage.getBlob(blob.digest)

    await right.storage.deleteBlob(blob.digest)
    const whileRead = (await right.store.running.accounts.totals()).usedBytes
    expect(Buffer.compare((await reader?.bytes()) ?? Buffer.alloc(0), blob.bytes)).toBe(0)
    await left.store.running.accounts.close()

    expect(whileRead).toBeGreaterThanOrEqual(before)
    expect((await right.store.running.accounts.totals()).usedBytes).toBeLessThan(blob.bytes.length)
  })

  test('what one is about to evict and the other uses meanwhile stays', async () => {
    await using left = await openStore({ path, maxBytes: MAX_BYTES, ...EXACT })
    await using right = await openStore({ path, maxBytes: MAX_BYTES, ...EXACT })
    const blobs = makeBlobs(10, 90_000)
    await commitAll(left.storage, blobs)
    // Has left look at all of them, and take the first for the oldest.
    await commitAll(left.storage, makeBlobs(2, 90_000, 100))
    expect(await keptOf(left.storage, blobs)).toEqual([2, 3, 4, 5, 6, 7, 8, 9].slice(0))

    for (const index of [2, 4]) expect(await right.storage.hasBlob(blobs[index]!.digest)).toBe(true)
    await right.store.running.accessLog.flush()
    await commitAll(left.storage, makeBlobs(2, 90_000, 200))

    expect(await keptOf(left.storage, blobs)).toEqual([2, 4, 6, 7, 8, 9])
  })

  test('a blob is deleted although the other has just taken it out of its place', async () => {
    await using left = await openStore({ path })
    await using right = await openStore({ path })
    const blob = makeBlob(1, 1000)
    await commitAll(left.storage, [blob])
    const taking = right.store.running.taker.take(blobName(blob.digest), () => {
      // Here it is out of its place, and about to be put back.
      return false
    })

    await Promise.all([taking, left.storage.deleteBlob(blob.digest)])

    expect(await left.storage.hasBlob(blob.digest)).toBe(false)
    expect(readdirSync(join(path, 'tmp', left.store.running.owner.id))).toEqual([])
    expect(readdirSync(join(path, 'tmp', right.store.running.owner.id))).toEqual([])
  })
})

describe('what a process leaves that dies', () => {
  /** A folder of a process that runs no more. */
  async function deadOwner(): Promise<string> {
    const owner = await OwnedDirectory.claim(join(path, 'tmp'))
    const identity = JSON.stringify({ pid: 2 ** 22 + 1, startedAt: '1', host: 'x', boot: null, namespace: null })
    const { id } = owner
    const { boot, namespace, host } = JSON.parse(
      String(await import('node:fs').then((fs) => fs.readFileSync(join(path, 'tmp', `${id}.owner`)))),
    ) as Record<string, unknown>
    writeFileSync(join(path, 'tmp', `${id}.owner`), JSON.stringify({ ...JSON.parse(identity), boot, namespace, host }))
    return id
  }

  test('is put back where it was being evicted, and removed where it was being written', async () => {
    const [taken, replaced] = makeBlobs(2, 1000)
    {
      await using opened = await openStore({ path })
      await commitAll(opened.storage, [taken!, replaced!])
    }
    const id = await deadOwner()
    renameSync(pathOf(path, taken!), join(path, 'tmp', id, `t.1.${blobName(taken!.digest)}`))
    writeFileSync(join(path, 'tmp', id, `t.2.${blobName(replaced!.digest)}`), replaced!.bytes)
    writeFileSync(join(path, 'tmp', id, 'w.3.4352'), 'half of it')

    await using opened = await openStore({ path })

    expect(await opened.storage.checkBlob(taken!.digest)).toBe('whole')
    expect(await opened.storage.checkBlob(replaced!.digest)).toBe('whole')
    expect(readdirSync(join(path, 'tmp')).filter((name) => name.includes(id))).toEqual([])
  })

  test('is its ledger, of which others take over what it says; too much is corrected by counting', async () => {
    const blobs = makeBlobs(10, 20_000)
    {
      await using opened = await openStore({ path, maxBytes: MAX_BYTES, ...EXACT })
      await commitAll(opened.storage, blobs)
    }
    const id = await deadOwner()
    const state = { takenBytes: 700_000, freedBytes: 100_000, removedBytes: 0, isClosed: false, isRecountDue: false }
    const { nodeFiles } = await import('@caskade/core/files')
    await (await Ledger.create(join(path, 'ledgers'), id, state, nodeFiles)).close()

    await using opened = await openStore({ path, maxBytes: MAX_BYTES, ...EXACT })

    const { accounts } = opened.store.running
    expect(readdirSync(join(path, 'ledgers'))).toEqual([`${opened.store.running.owner.id}.ledger`])
    expect(accounts.isRecountDue).toBe(false)
    expect(accounts.usedBytes).toBeGreaterThanOrEqual(costOnDisk(path))
    expect(accounts.usedBytes).toBeLessThanOrEqual(costOnDisk(path) + 4 * accounts.chunkBytes)
  })
})

test('files that nobody has accounted for are counted, and go until the quota is kept', async () => {
  const blobs = makeBlobs(100, 20_000)
  for (const [index, blob] of blobs.entries()) {
    mkdirSync(dirname(pathOf(path, blob)), { recursive: true })
    writeFileSync(pathOf(path, blob), blob.bytes)
    setUsed(path, blob, 1_700_000_000_000 + index * 1000)
  }
  await using opened = await openStore({ path, maxBytes: MAX_BYTES, ...EXACT })

  await commitAll(opened.storage, makeBlobs(1, 20_000, 5000))

  expect(costOnDisk(path)).toBeLessThanOrEqual(MAX_BYTES)
  const kept = await keptOf(opened.storage, blobs)
  expect(kept.length * fileCostBytes(20_000)).toBeGreaterThan(0.9 * MAX_BYTES)
  expect(kept[0]).toBe(100 - kept.length)
})

test('what is counted stays exact over many starts', async () => {
  const blobs = makeBlobs(12, 30_000)
  for (let round = 0; round < 6; round++) {
    await using opened = await openStore({ path, maxBytes: MAX_BYTES, ...EXACT })
    await commitAll(opened.storage, blobs.slice(round, round + 6))
    await opened.storage.deleteBlob(blobs[round]!.digest)
    expect(opened.store.running.accounts.usedBytes).toBe(costOnDisk(path))
    expect(opened.store.running.accounts.isRecountDue).toBe(false)
  }
  expect(readdirSync(join(path, 'ledgers'))).toHaveLength(1)
})
