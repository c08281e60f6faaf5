import assert from 'node:assert/strict'
import type { ActionCacheABC, ActionCacheEntry, StorageABC } from '@caskade/core'
import { digestKey, digestOf } from '@caskade/core'
import { assertSameBytes, assertStored } from '../assertions.ts'
import { makeBlob, sourceOf } from '../test-blob.ts'
import type { Ledger, Outcome } from './ledger.ts'
import type { Opened } from './opened.ts'
import { blobNamed, entryNamed, keyNamed } from './workload.ts'

/** The seed of blobs that no workload writes. */
const TRIAL_SEED = 900_000_000

/** What is asked of what is found after a crash. */
export interface VerifyOptions {
  /** Whether an acknowledged deletion must last. A file system may well forget one when the power fails, and no harm is done. */
  readonly deletionsLast: boolean
  /** Whether a cache outlives the process, in which a blob may be left that was being deleted when it ended. */
  readonly hasLastingCache: boolean
}

/**
 * Fails unless everything that was acknowledged is there, everything that is there is whole, and the storage works.
 * Settles the ledger with what is found.
 */
export async function verifyOpened(opened: Opened, ledger: Ledger, options: VerifyOptions): Promise<void> {
  await verifyBlobs(opened.storage, ledger, options)
  if (opened.actionCache !== undefined) await verifyEntries(opened.storage, opened.actionCache, ledger, options)
  await verifyWorks(opened)
}

async function verifyBlobs(storage: StorageABC, ledger: Ledger, options: VerifyOptions): Promise<void> {
  const names = ledger.names('blob:')
  const listed = await verifyListed(storage, new Set(names.map((name) => digestKey(blobNamed(name).digest))))
  for (const name of names) {
    const { digest, bytes } = blobNamed(name)
    const reader = await storage.getBlob(digest)
    const found = reader === null ? null : 'stored'
    assertExpected(name, found, ledger, options)
    if (reader !== null) assertSameBytes(await reader.bytes(), bytes, name)
    const isListed = listed.has(digestKey(digest))
    assert.equal(await storage.hasBlob(digest), isListed, `${name}: hasBlob tells otherwise than listBlobs`)
    const isOnlyCached = options.hasLastingCache && reader !== null && !isListed
    if (isOnlyCached) {
      // Deleted where it counts, and nobody was told so.
      assertExpected(name, null, ledger, options)
      await storage.deleteBlob(digest)
    } else assert.equal(isListed, reader !== null, `${name}: listed otherwise than it is stored`)
    ledger.settle(name, isOnlyCached ? null : found)
  }
}

/** Lists everything, and reads what nobody is known to have written. */
async function verifyListed(storage: StorageABC, known: ReadonlySet<string>): Promise<Set<string>> {
  const digests = await Array.fromAsync(storage.listBlobs(), ({ digest }) => digest)
  for (const digest of digests.filter((each) => !known.has(digestKey(each)))) {
    const reader = await storage.getBlob(digest)
    assert.ok(reader, `${digestKey(digest)}: is listed, and not there`)
    const { hash } = digestOf(await reader.bytes(), digest.digestFunction)
    assert.equal(hash, digest.hash, `${digestKey(digest)}: is torn`)
  }
  return new Set(digests.map(digestKey))
}

async function verifyEntries(
  storage: StorageABC,
  actionCache: ActionCacheABC,
  ledger: Ledger,
  options: VerifyOptions,
): Promise<void> {
  for (const name of ledger.names('entry:')) {
    const entry = await actionCache.get(keyNamed(name))
    const found = entry === null ? null : (entry.metadata['outcome'] ?? 'an entry without metadata')
    assertExpected(name, found, ledger, options)
    if (entry !== null) await verifyEntry(storage, name, entry, found ?? '')
    ledger.settle(name, found)
  }
}

async function verifyEntry(storage: StorageABC, name: string, entry: ActionCacheEntry, outcome: string): Promise<void> {
  const expected = entryNamed(outcome)
  assertSameBytes(entry.bytes, expected.bytes, name)
  assert.deepEqual(entry.references.map(digestKey), expected.references.map(digestKey), `${name}: other references`)
  const missing = await storage.missingBlobs(entry.references)
  assert.deepEqual(missing, [], `${name}: is there without the blobs that it references`)
}

function assertExpected(name: string, found: Outcome, ledger: Ledger, { deletionsLast }: VerifyOptions): void {
  const outcomes = ledger.outcomesOf(name)
  if (outcomes.has(found)) return
  if (found === null) assert.fail(`${name}: was acknowledged, and is lost`)
  if (!deletionsLast && outcomes.has(null)) return
  assert.fail(`${name}: is ${found}, expected ${[...outcomes].map((each) => each ?? 'nothing').join(' or ')}`)
}

async function verifyWorks({ storage, actionCache }: Opened): Promise<void> {
  for (const sizeBytes of [500, 50_000]) {
    const blob = makeBlob(TRIAL_SEED, sizeBytes)
    await storage.deleteBlob(blob.digest)
    await storage.commitWrite(blob.digest, sourceOf(blob))
    await assertStored(storage, blob)
    await storage.deleteBlob(blob.digest)
    assert.equal(await storage.hasBlob(blob.digest), false, 'deleteBlob: does not delete')
  }
  await actionCache?.update(keyNamed('trial'), entryNamed('1'))
  assert.ok((await actionCache?.get(keyNamed('trial'))) !== null, 'update: does not store')
}
