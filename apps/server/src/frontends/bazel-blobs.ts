import type { Digest } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { HttpRefusal } from '../http/http-failure.ts'
import { assertAcceptedLength, hashBody, receiveBlob } from '../http/receive-blob.ts'
import { sendBlobOfHash } from '../http/send-stored.ts'
import type { BazelAnswers, BazelRequest } from './bazel-request.ts'

const HEADERS = { 'content-type': 'application/octet-stream' }

/** `cas`: blobs by their hash, shared with every other protocol. */
export const blobAnswers: BazelAnswers = { read: sendBlob, write: receiveVerified }

async function sendBlob({ exchange, hash, context, tool }: BazelRequest): Promise<void> {
  const { storage } = context.backend
  const sentBytes = await sendBlobOfHash(exchange, storage, hash, HEADERS)
  if (sentBytes === undefined) throw new HttpRefusal(404, `blob ${hash} is not stored`)
  if (sentBytes !== null) tool.noteSent(sentBytes)
}

async function receiveVerified(request: BazelRequest): Promise<void> {
  const { exchange, hash, context, tool } = request
  const { backend, uploadDirectory, spoolBudget, maxBlobBytes } = context
  assertAcceptedLength(exchange, maxBlobBytes)
  if (await isStored(request)) {
    assertSameHash(await hashBody(exchange), hash)
    tool.noteOffered(exchange.contentLength ?? 0, true)
    exchange.sendEmpty({ status: 200 })
    return
  }
  await using received = await receiveBlob(exchange, { uploadDirectory, spoolBudget, maxBytes: maxBlobBytes })
  assertSameHash(received.digest.hash, hash)
  await backend.storage.commitWrite(received.digest, received.source)
  tool.noteOffered(received.digest.sizeBytes, false)
  exchange.sendEmpty({ status: 200 })
}

function assertSameHash(actual: string, expected: string): void {
  if (actual === expected) return
  throw new StorageError('invalid-argument', `the body has hash ${actual}, not ${expected}`)
}

/** Tells whether the blob is there with the size that the client announces; if it announces none, receiving it tells. */
async function isStored({ exchange, hash, context }: BazelRequest): Promise<boolean> {
  const { contentLength, signal } = exchange
  if (contentLength === undefined) return false
  const digest: Digest = { hash, sizeBytes: contentLength }
  return context.backend.storage.hasBlob(digest, { signal })
}
