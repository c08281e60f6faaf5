import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import type { BlobReader, Digest, Lifecycle, OperationOptions, StorageABC } from '@caskade/core'
import { digestKey, onStorageEvent, StorageError, type StorageErrorCode } from '@caskade/core'
import type { TestBlob } from './test-blob.ts'

/** Fails unless both hold the same bytes, whatever kind of array they are. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  assert.equal(actual.byteLength, expected.byteLength, `${what}: wrong length`)
  assert.ok(Buffer.compare(actual, expected) === 0, `${what}: other bytes than were written`)
}

/** Fails unless the storage holds the blob, whole. */
export async function assertStored(storage: StorageABC, blob: TestBlob): Promise<void> {
  assert.equal(await storage.hasBlob(blob.digest), true, 'hasBlob: a stored blob is not found')
  const reader = await storage.getBlob(blob.digest)
  assert.ok(reader, 'getBlob: a stored blob is not found')
  assertSameBytes(await reader.bytes(), blob.bytes, 'getBlob')
}

/** Fails if anything of the blob is visible in the storage. */
export async function assertAbsent(storage: StorageABC, digest: Digest): Promise<void> {
  assert.equal(await storage.hasBlob(digest), false, 'hasBlob: finds what is not there')
  const reader = await storage.getBlob(digest)
  await reader?.[Symbol.asyncDispose]()
  assert.equal(reader, null, 'getBlob: opens what is not there')
  assert.deepEqual(await storage.missingBlobs([digest]), [digest], 'missingBlobs: does not miss what is not there')
  assert.ok(!(await listedKeys(storage)).has(digestKey(digest)), 'listBlobs: lists what is not there')
}

/** Fails if the storage holds a part of the blob, or does not know whether it is there. Returns whether it is. */
export async function assertWholeOrAbsent(storage: StorageABC, blob: TestBlob): Promise<boolean> {
  const isStored = await storage.hasBlob(blob.digest)
  if (isStored) await assertStored(storage, blob)
  else await assertAbsent(storage, blob.digest)
  return isStored
}

/** The keys of all blobs that the storage lists. Unlike `hasBlob`, asking this is not a use. */
export async function listedKeys(storage: StorageABC, options?: OperationOptions): Promise<Set<string>> {
  const keys = new Set<string>()
  for await (const { digest } of storage.listBlobs(options)) keys.add(digestKey(digest))
  return keys
}

/** Fails unless the promise rejects with a StorageError of one of the codes. */
export async function assertRejects(
  promise: Promise<unknown>,
  codes: StorageErrorCode | readonly StorageErrorCode[],
  what: string,
): Promise<void> {
  const expected = typeof codes === 'string' ? [codes] : codes
  const error = await failureOf(promise)
  assert.ok(error !== undefined, `${what}: succeeded, expected ${expected.join(' or ')}`)
  assert.ok(StorageError.is(error), `${what}: rejected with ${inspect(error)}, not with a StorageError`)
  assert.ok(expected.includes(error.code), `${what}: rejected with ${error.code}, expected ${expected.join(' or ')}`)
}

/** Fails unless the promise rejects with exactly this value. */
export async function assertRejectsWith(promise: Promise<unknown>, reason: unknown, what: string): Promise<void> {
  const error = await failureOf(promise)
  assert.ok(error !== undefined, `${what}: succeeded, expected it to reject`)
  assert.ok(error === reason, `${what}: rejected with ${inspect(error)}, not with ${inspect(reason)} itself`)
}

/** Stops it; fails if it gave up waiting for a reader or an operation that has long ended. */
export async function assertStopsInTime(part: Lifecycle): Promise<void> {
  const givenUp: string[] = []
  const endListening = onStorageEvent(({ kind, error }) => {
    if (kind === 'stop-deadline') givenUp.push(String(error))
  })
  try {
    await part.stop()
  } finally {
    endListening()
  }
  assert.deepEqual(givenUp, [], 'stop: waits for what has ended')
}

/** Reads to the end in chunks; fails if there is nothing to read, or the reader had something else in memory. */
export async function readChunks(reader: BlobReader | null): Promise<Uint8Array> {
  assert.ok(reader, 'getBlob: a stored blob is not found')
  const { inMemory } = reader
  const chunks: Uint8Array[] = []
  for await (const chunk of reader) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  if (inMemory !== undefined) assertSameBytes(inMemory, bytes, 'getBlob: what the reader has in memory')
  assert.ok(reader.inMemory === undefined, 'getBlob: a reader that was read has nothing in memory any more')
  return bytes
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
    return undefined
  } catch (error) {
    return error
  }
}
