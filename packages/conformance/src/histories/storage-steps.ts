import assert from 'node:assert/strict'
import type { Digest } from '@caskade/core'
import { digestKey } from '@caskade/core'
import { assertRejects, assertSameBytes, listedKeys, readChunks } from '../assertions.ts'
import type { TestBlob } from '../test-blob.ts'
import { sourceOf, sourceOfChunks } from '../test-blob.ts'
import type { StorageWorld } from './storage-world.ts'

/** What a step is about. */
export interface StepSubject {
  /** The first of `blobs`. */
  readonly blob: TestBlob
  /** One or more blobs, possibly one twice. */
  readonly blobs: readonly TestBlob[]
  /** A number from 0 to 1, for steps that need one. */
  readonly fraction: number
}

/** Does something to the storage, and fails unless a map would have answered the same. */
type Step = (world: StorageWorld, subject: StepSubject) => Promise<void>

/** Everything that can happen in a history. */
export const storageSteps: Readonly<Record<string, Step>> = {
  async hasBlob({ storage, stored }, { blob }) {
    assert.equal(await storage.hasBlob(blob.digest), stored.has(blob), 'hasBlob')
  },
  async getBlob({ storage, stored }, { blob }) {
    await assertReads(stored.has(blob) ? blob.bytes : null, await storage.getBlob(blob.digest))
  },
  async 'getBlob of a range'({ storage, stored }, { blob, fraction }) {
    const offset = Math.floor(blob.bytes.byteLength * fraction)
    const reader = await storage.getBlob(blob.digest, { offset, length: 1000 })
    await assertReads(stored.has(blob) ? blob.bytes.subarray(offset, offset + 1000) : null, reader)
  },
  async 'getBlob, disposed unread'({ storage, stored }, { blob }) {
    const reader = await storage.getBlob(blob.digest)
    await reader?.[Symbol.asyncDispose]()
    assert.equal(reader !== null, stored.has(blob), 'getBlob')
  },
  async 'getBlob, read later'(world, { blob }) {
    const reader = await world.storage.getBlob(blob.digest)
    if (reader !== null) world.keepOpen(reader, blob.bytes)
    assert.equal(reader !== null, world.stored.has(blob), 'getBlob')
  },
  'read what was opened': (world) => world.finishReaders(),
  async deleteBlob(world, { blob }) {
    await world.storage.deleteBlob(blob.digest)
    world.deleted(blob)
  },
  async commitWrite({ storage, stored }, { blob }) {
    await storage.commitWrite(blob.digest, sourceOf(blob))
    stored.add(blob)
  },
  async 'commitWrite of a short source'({ storage, stored }, { blob }) {
    if (blob.bytes.byteLength === 0) return
    const source = sourceOfChunks(blob.bytes.byteLength, [blob.bytes.subarray(1)])
    const writing = storage.commitWrite(blob.digest, source)
    // A storage need not read the source of what it has.
    if (stored.has(blob)) await writing.catch(() => undefined)
    else await assertRejects(writing, 'invalid-argument', 'commitWrite of a short source')
  },
  async resolveHash({ storage, stored }, { blob }) {
    const { hash, digestFunction } = blob.digest
    assert.deepEqual(await storage.resolveHash(hash, digestFunction), stored.has(blob) ? blob.digest : null)
  },
  async listBlobs({ storage, stored, blobs }) {
    const listed = await listedKeys(storage)
    for (const blob of blobs.slice(1)) {
      assert.equal(listed.has(digestKey(blob.digest)), stored.has(blob), 'listBlobs')
    }
  },
  async bulkDelete(world, { blobs }) {
    assert.deepEqual(await world.storage.bulkDelete(digestsOf(blobs)), [], 'bulkDelete')
    for (const blob of blobs) world.deleted(blob)
  },
  async missingBlobs({ storage, stored }, { blobs }) {
    const missing = digestsOf(blobs.filter((blob) => !stored.has(blob)))
    assert.deepEqual(await storage.missingBlobs(digestsOf(blobs)), missing, 'missingBlobs')
  },
  async bulkUpdateBlobs({ storage, stored }, { blobs }) {
    const statuses = await storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))
    assert.deepEqual(new Set(statuses.map(({ code }) => code)), new Set(['ok']), 'bulkUpdateBlobs')
    for (const blob of blobs) stored.add(blob)
  },
  async 'bulkUpdateBlobs, one of them wrong'({ storage, stored }, { blob: wrong, blobs }) {
    const items = blobs.map((blob) => [blob.digest, blob === wrong ? Buffer.from('wrong') : blob.bytes] as const)
    const statuses = await storage.bulkUpdateBlobs(items)
    const expected = blobs.map((blob) => (blob === wrong ? 'invalid-argument' : 'ok'))
    assert.deepEqual(
      statuses.map(({ code }) => code),
      expected,
      'bulkUpdateBlobs',
    )
    for (const blob of blobs) if (blob !== wrong) stored.add(blob)
  },
  async bulkReadBlobs({ storage, stored }, { blobs }) {
    const found = await storage.bulkReadBlobs(digestsOf(blobs))
    const expected = new Set(blobs.filter((blob) => stored.has(blob)))
    assert.equal(found.size, expected.size, 'bulkReadBlobs finds too many or too few')
    for (const { digest, bytes } of expected)
      assertSameBytes(found.get(digest.hash) ?? Buffer.of(), bytes, 'bulkReadBlobs')
  },
  async 'everything, with a wrong size'({ storage }, { blob }) {
    const wrong = { ...blob.digest, sizeBytes: blob.digest.sizeBytes + 1 }
    assert.equal(await storage.hasBlob(wrong), false, 'hasBlob with a wrong size')
    assert.equal(await storage.getBlob(wrong), null, 'getBlob with a wrong size')
    assert.deepEqual(await storage.missingBlobs([wrong]), [wrong], 'missingBlobs with a wrong size')
    await storage.deleteBlob(wrong)
  },
  'every read': (world, subject) => readInEveryWay(world, subject),
  restart: (world) => world.restart(),
}

/** Fails unless every method that reads answers as a map would. */
export async function readInEveryWay(world: StorageWorld, subject: StepSubject): Promise<void> {
  for (const read of ['hasBlob', 'getBlob', 'resolveHash', 'missingBlobs', 'bulkReadBlobs', 'listBlobs']) {
    await storageSteps[read]?.(world, subject)
  }
}

async function assertReads(expected: Uint8Array | null, reader: Parameters<typeof readChunks>[0]): Promise<void> {
  if (reader === null || expected === null) {
    await reader?.[Symbol.asyncDispose]()
    assert.equal(reader !== null, expected !== null, 'getBlob')
    return
  }
  assertSameBytes(await readChunks(reader), expected, 'getBlob')
}

function digestsOf(blobs: readonly TestBlob[]): Digest[] {
  return blobs.map(({ digest }) => digest)
}
