import assert from 'node:assert/strict'
import { statfsSync } from 'node:fs'
import type { Digest, StorageABC } from '@caskade/core'
import { digestKey, mapLimit, StorageError } from '@caskade/core'
import { assertSameBytes, assertStored } from '../assertions.ts'
import type { TestBlob } from '../test-blob.ts'
import { makeBlob, makeBlobs, sourceOf } from '../test-blob.ts'
import type { Openable, Opened } from './opened.ts'
import { start } from './opened.ts'
import { entryNamed, keyNamed } from './workload.ts'

/** What a check of full disks works on. */
export interface FullDiskCheck {
  /** Makes a storage or a backend, not started, over a folder; its own quota, if it has one, must be above the disk's size. */
  readonly open: (directory: string) => Openable | Promise<Openable>
  /** A folder on the disk that is to be filled, which should be small; see {@link withSmallDisk}. */
  readonly directory: string
  /** The sizes of the blobs that fill the disk, one after the other until each is refused. Default: 200,000, 20,000 and 1,000 bytes. */
  readonly blobSizes?: readonly number[] | undefined
  /** Names what should not be there, given the blobs that are stored; called while nothing is open. Default: nothing can be told. */
  readonly leftovers?: ((directory: string, digests: readonly Digest[]) => readonly string[]) | undefined
}

/** How many writes are under way at once. */
const CONCURRENCY = 4

/** How many entries are written at most; they take little room, and blobs have filled the disk before. */
const MAX_ENTRIES = 5000

/** After how many refusals one after the other the disk counts as full for blobs of a size. */
const REFUSALS = 20

/**
 * Writes to a disk until it is full, and checks that a storage lives with that: it refuses with exactly `no-space`, loses
 * nothing that it acknowledged, goes on reading, and takes writes again once something was deleted.
 *
 * @throws what is wrong, as an AssertionError.
 */
export async function checkFullDisk(check: FullDiskCheck): Promise<void> {
  const { open, directory, blobSizes = [200_000, 40_000, 1000], leftovers } = check
  const opened = await start(await open(directory))
  const stored: TestBlob[] = []
  try {
    for (const [index, size] of blobSizes.entries())
      stored.push(...(await fill(opened.storage, directory, size, index)))
    assert.ok(stored.length > 0, 'nothing could be written at all')
    const entries = await fillEntries(opened)
    await verifyStored(opened.storage, stored)
    await verifyEntries(opened, entries)

    const removed = stored.splice(0, Math.ceil(stored.length / 2))
    for (const { digest } of removed) await opened.storage.deleteBlob(digest)
    await verifyRoom(opened.storage, blobSizes)
    await verifyStored(opened.storage, stored)
  } finally {
    await opened.stop()
  }

  const again = await start(await open(directory))
  const digests = await Array.fromAsync(again.storage.listBlobs(), ({ digest }) => digest)
  try {
    await verifyStored(again.storage, stored)
    assert.deepEqual(new Set(digests.map(digestKey)), new Set(stored.map(({ digest }) => digestKey(digest))))
  } finally {
    await again.stop()
  }
  assert.deepEqual(leftovers?.(directory, digests) ?? [], [], 'something was left behind')
}

/** Writes blobs of one size until the disk is full for them; returns those that were acknowledged. */
async function fill(storage: StorageABC, directory: string, sizeBytes: number, index: number): Promise<TestBlob[]> {
  const { blocks, bsize } = statfsSync(directory)
  const stored: TestBlob[] = []
  for (let seed = 1 + index * 1_000_000, refusals = 0; refusals < REFUSALS; seed += CONCURRENCY) {
    const blobs = makeBlobs(CONCURRENCY, sizeBytes, seed)
    const isStored = await mapLimit(blobs, CONCURRENCY, (blob) =>
      orNoSpace(`commitWrite of ${sizeBytes} bytes`, () => storage.commitWrite(blob.digest, sourceOf(blob))),
    )
    stored.push(...blobs.filter((_, position) => isStored[position]))
    const refused = blobs.filter((_, position) => !isStored[position])
    for (const { digest } of refused) assert.equal(await storage.hasBlob(digest), false, 'stored what it refused')
    refusals = refused.length === CONCURRENCY ? refusals + CONCURRENCY : 0
    const isPossible = stored.length * sizeBytes <= blocks * bsize
    assert.ok(isPossible, 'commitWrite: acknowledged more than fits on the disk: a blob is lost')
  }
  return stored
}

/** Writes entries until the disk is full for them; returns the names of those that were acknowledged. */
async function fillEntries({ actionCache }: Opened): Promise<string[]> {
  const names: string[] = []
  if (actionCache === undefined) return names
  for (let number = 0, refusals = 0; refusals < REFUSALS && number < MAX_ENTRIES; number++) {
    const name = String(number)
    const isStored = await orNoSpace('update', () => actionCache.update(keyNamed(name), entryNamed(name)))
    refusals = isStored ? 0 : refusals + 1
    if (isStored) names.push(name)
  }
  return names
}

async function verifyEntries({ actionCache }: Opened, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const entry = await actionCache?.get(keyNamed(name))
    assert.ok(entry, 'update: an acknowledged entry is lost')
    assertSameBytes(entry.bytes, entryNamed(name).bytes, 'get')
  }
}

async function verifyStored(storage: StorageABC, stored: readonly TestBlob[]): Promise<void> {
  for (const blob of stored) await assertStored(storage, blob)
}

/** Fails unless blobs of every size can be written again. */
async function verifyRoom(storage: StorageABC, blobSizes: readonly number[]): Promise<void> {
  for (const size of blobSizes) {
    const blob = makeBlob(900_000_000, size)
    const failure = await storage.commitWrite(blob.digest, sourceOf(blob)).catch((error: unknown) => error)
    assert.equal(failure, undefined, `a blob of ${size} bytes cannot be written although half of all was deleted`)
    await assertStored(storage, blob)
    await storage.deleteBlob(blob.digest)
  }
}

/** Whether something was done; false when there was no space for it, and no other failure is good enough. */
async function orNoSpace(what: string, perform: () => Promise<unknown>): Promise<boolean> {
  try {
    await perform()
    return true
  } catch (error) {
    assert.ok(StorageError.is(error, 'no-space'), `${what}: failed with ${String(error)}, expected no-space`)
    return false
  }
}
