import type { Digest, OperationOptions, Status } from '@caskade/core'
import { assertDigest, mapLimit, okStatus, StorageError, statusOfError, verifyBytes } from '@caskade/core'
import { StatusCode } from '@caskade/grpc'
import { ContentAddressableStorage } from '@caskade/reapi/messages'
import type { Batch, BatchItem } from './remote-batches.fixture.ts'
import { batchesOf, exactKey, toWire, wireKey } from './remote-batches.fixture.ts'
import type { RemoteCalls } from './remote-calls.fixture.ts'
import { NOT_FOUND, storageErrorCodeOf } from './remote-errors.fixture.ts'

/** How many calls one bulk operation has under way. */
const CALLS_AT_ONCE = 4

const { findMissingBlobs, batchUpdateBlobs, batchReadBlobs } = ContentAddressableStorage.method

/** What a bulk operation needs besides its blobs. */
export interface BulkContext extends OperationOptions {
  readonly calls: RemoteCalls
  readonly instanceName: string
  /** What the blobs of one batch may come to, in bytes; larger blobs travel as streams. */
  readonly maxBatchBytes: number
}

interface UpdateItem extends BatchItem {
  readonly index: number
  readonly bytes: Uint8Array
}

/** The part of a `google.rpc.Status` that counts. */
interface RpcStatus {
  readonly code: number
  readonly message: string
}

/** Asks which of the digests the server does not have; resolves to those, in the order asked. */
export async function findMissing(
  digests: readonly Digest[],
  { calls, instanceName, signal }: BulkContext,
): Promise<Digest[]> {
  for (const digest of digests) assertDigest(digest)
  const items = digests.map((digest) => ({ digest, sizeBytes: 0 }))
  const missing = new Set<string>()
  await mapLimit(batchesOf(items, 0), CALLS_AT_ONCE, async (batch) => {
    const blobDigests = batch.items.map(({ digest }) => toWire(digest))
    const request = { instanceName, digestFunction: batch.digestFunction, blobDigests }
    const { missingBlobDigests } = await calls.unary(findMissingBlobs, request, { signal })
    const keys = new Set(missingBlobDigests.map(wireKey))
    for (const { digest } of batch.items) if (keys.has(wireKey(digest))) missing.add(exactKey(digest))
  })
  return digests.filter((digest) => missing.has(exactKey(digest)))
}

/**
 * Sends blobs to the server, which verifies them; those above the limit with `updateOne`, after they were verified here:
 * a blob that the server has is not looked at again when it comes as a stream.
 */
export async function updateBlobs(
  blobs: readonly (readonly [Digest, Uint8Array])[],
  updateOne: (digest: Digest, bytes: Uint8Array) => Promise<void>,
  context: BulkContext,
): Promise<Status[]> {
  const statuses = Array.from<Status>({ length: blobs.length })
  const settle = async ({ index }: UpdateItem, operation: () => void | Promise<void>): Promise<void> => {
    statuses[index] = await statusOf(operation, context)
  }
  const items = blobs.map(([digest, bytes], index) => ({ index, digest, bytes, sizeBytes: bytes.byteLength }))
  for (const item of items) await settle(item, () => assertDigest(item.digest))
  const valid = items.filter(({ index }) => statuses[index]?.code === 'ok')
  const [small, large] = splitBySize(valid, context.maxBatchBytes)
  await mapLimit(batchesOf(small, context.maxBatchBytes), CALLS_AT_ONCE, async (batch) => {
    let answers: Status[] = []
    const outcome = await statusOf(async () => {
      answers = await updateBatch(batch, context)
    }, context)
    for (const [at, { index }] of batch.items.entries()) statuses[index] = answers[at] ?? outcome
  })
  await mapLimit(large, CALLS_AT_ONCE, (item) =>
    settle(item, async () => {
      verifyBytes(item.digest, item.bytes)
      await updateOne(item.digest, item.bytes)
    }),
  )
  return statuses
}

/** Reads blobs whole, keyed by hash; those above the limit with `readOne`. Rejects when the state of any is unknown. */
export async function readBlobs(
  digests: readonly Digest[],
  readOne: (digest: Digest) => Promise<Uint8Array | null>,
  context: BulkContext,
): Promise<Map<string, Uint8Array>> {
  for (const digest of digests) assertDigest(digest)
  const distinct = [...new Map(digests.map((digest) => [exactKey(digest), digest])).values()]
  const items = distinct.map((digest) => ({ digest, sizeBytes: digest.sizeBytes }))
  const [small, large] = splitBySize(items, context.maxBatchBytes)
  const found = new Map<string, Uint8Array>()
  await mapLimit(batchesOf(small, context.maxBatchBytes), CALLS_AT_ONCE, (batch) => readBatch(batch, found, context))
  await mapLimit(large, CALLS_AT_ONCE, async ({ digest }) => {
    const bytes = await readOne(digest)
    if (bytes !== null) found.set(digest.hash, bytes)
  })
  return found
}

async function updateBatch(
  { digestFunction, items }: Batch<UpdateItem>,
  { calls, instanceName, signal }: BulkContext,
): Promise<Status[]> {
  const requests = items.map(({ digest, bytes }) => ({ digest: toWire(digest), data: bytes }))
  const { responses } = await calls.unary(batchUpdateBlobs, { instanceName, digestFunction, requests }, { signal })
  // In no promised order, and of equal digests each has an answer of its own.
  const answers = new Map<string, Status[]>()
  for (const { digest, status } of responses) {
    const key = wireKey(digest)
    answers.set(key, [...(answers.get(key) ?? []), toStatus(status)])
  }
  return items.map(({ digest }) => answers.get(wireKey(digest))?.shift() ?? UNANSWERED)
}

async function readBatch(
  { digestFunction, items }: Batch<BatchItem>,
  found: Map<string, Uint8Array>,
  { calls, instanceName, signal }: BulkContext,
): Promise<void> {
  const digests = items.map(({ digest }) => toWire(digest))
  const { responses } = await calls.unary(batchReadBlobs, { instanceName, digestFunction, digests }, { signal })
  const answered = new Set<string>()
  for (const { digest, data, status } of responses) {
    answered.add(wireKey(digest))
    const outcome = toStatus(status)
    if (outcome.code === 'ok') found.set(digest?.hash ?? '', data)
    else if (outcome.code !== NOT_FOUND && outcome.code !== 'corrupt') throw toError(outcome)
  }
  if (!items.every(({ digest }) => answered.has(wireKey(digest)))) throw toError(UNANSWERED)
}

const UNANSWERED: Status = { code: 'unknown', message: 'the server gave no answer for this blob' }

function splitBySize<Item extends BatchItem>(items: readonly Item[], maxBytes: number): [Item[], Item[]] {
  return [items.filter(({ sizeBytes }) => sizeBytes <= maxBytes), items.filter(({ sizeBytes }) => sizeBytes > maxBytes)]
}

async function statusOf(operation: () => void | Promise<void>, { signal }: OperationOptions): Promise<Status> {
  try {
    await operation()
    return okStatus
  } catch (error) {
    signal?.throwIfAborted()
    return statusOfError(error)
  }
}

function toStatus({ code, message }: RpcStatus = { code: StatusCode.OK, message: '' }): Status {
  return code === StatusCode.OK ? okStatus : { code: storageErrorCodeOf(code), message }
}

function toError(status: Status): StorageError {
  return new StorageError(status.code, `remote: ${'message' in status ? status.message : ''}`)
}
