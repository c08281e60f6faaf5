import type { ActionKey, FoundEntryValue, StorageABC } from '@caskade/core'
import { createDigest, findEntryValue, putEntryValue } from '@caskade/core'
import { HttpRefusal, storedAlready } from '../http/http-failure.ts'
import { readBody } from '../http/read-body.ts'
import { receiveBlob } from '../http/receive-blob.ts'
import type { StoredContent } from '../http/send-stored.ts'
import { sendStored, storedBlob, storedBytes } from '../http/send-stored.ts'
import type { BazelAnswers, BazelRequest } from './bazel-request.ts'

const HEADERS = { 'content-type': 'application/octet-stream' }

/** The longest result that is validated, in bytes. */
const MAX_RESULT_BYTES = 4 * 1024 * 1024

/** `ac`: whatever a client stores there, as it is. */
export const entryAnswers: BazelAnswers = { read: sendEntry, write: receiveEntry, remove: removeEntry }

/** `ac` where it holds the results of gRPC: found only while all blobs that they name are there. */
export const resultAnswers: BazelAnswers = { read: sendResult, write: receiveResult }

async function sendEntry(request: BazelRequest): Promise<void> {
  const { exchange, hash, context, tool } = request
  const { storage } = context.backend
  const found = await findEntryValue(context.backend, entryKey(request), { signal: exchange.signal })
  const sentBytes = found === null ? undefined : await sendStored(exchange, contentOf(found, storage), HEADERS)
  tool.noteLookup(sentBytes !== undefined)
  if (sentBytes === undefined) throw new HttpRefusal(404, `nothing is stored under ${hash}`)
  if (sentBytes !== null) tool.noteSent(sentBytes)
}

function contentOf({ value }: FoundEntryValue, storage: StorageABC): StoredContent {
  return 'bytes' in value ? storedBytes(value.bytes) : storedBlob(storage, value.digest)
}

async function receiveEntry(request: BazelRequest): Promise<void> {
  const { backend, uploadDirectory, spoolBudget, maxBlobBytes } = request.context
  await using received = await receiveBlob(request.exchange, { uploadDirectory, spoolBudget, maxBytes: maxBlobBytes })
  const { digest, source } = received
  const value = { digest, source, references: [], metadata: {} }
  const ifAbsent = request.exchange.isOnlyIfAbsent
  if (!(await putEntryValue(backend, entryKey(request), value, { ifAbsent }))) throw storedAlready()
  request.tool.noteOffered(digest.sizeBytes, false)
  request.exchange.sendEmpty({ status: 200 })
}

async function removeEntry(request: BazelRequest): Promise<void> {
  await request.context.backend.actionCache.delete(entryKey(request), { signal: request.exchange.signal })
  request.exchange.sendEmpty({ status: 204 })
}

async function sendResult({ exchange, instanceName, hash, context, tool }: BazelRequest): Promise<void> {
  const { peer, signal } = exchange
  const result = await context.actionResults.get(instanceName, createDigest(hash, 0), {
    format: 'binary',
    peer,
    signal,
  })
  tool.noteLookup(result !== null)
  if (result === null) throw new HttpRefusal(404, `no result for action ${hash}`)
  exchange.sendBody({ status: 200 }, 'application/octet-stream', result)
  if (exchange.method === 'GET') tool.noteSent(result.byteLength)
}

async function receiveResult({ exchange, instanceName, hash, context, tool }: BazelRequest): Promise<void> {
  using body = await readBody(exchange, context, MAX_RESULT_BYTES)
  await context.actionResults.put(instanceName, createDigest(hash, 0), body.bytes, { format: 'binary' })
  tool.noteOffered(body.bytes.byteLength, false)
  exchange.sendEmpty({ status: 200 })
}

/** What is stored opaquely, apart from the results that REAPI clients store under the same hashes. */
function entryKey({ instanceName, hash }: BazelRequest): ActionKey {
  return { namespace: `http-ac:sha256:${instanceName}`, key: hash }
}
