import type { ActionKey, Digest } from '@caskade/core'
import { assertHash, openEntryValue, putEntryValue, StorageError } from '@caskade/core'
import type { HttpExchange } from '../http/http-exchange.ts'
import { hashBody, receiveBlob } from '../http/receive-blob.ts'
import { sendBlob } from '../http/send-blob.ts'
import type { FrontendContext, HttpFrontend } from './http-frontend.ts'

const CONTENT_TYPE = 'application/octet-stream'

/**
 * The Bazel HTTP cache: `/[instance/]cas/{hash}` holds blobs, `/[instance/]ac/{hash}` holds what a client stored there,
 * with any prefix as the instance name.
 *
 * Blobs are verified and shared with every other protocol. Entries of `ac` are kept as they are, whatever they are:
 * ccache stores its own format there.
 */
export function bazelHttpFrontend(context: FrontendContext): HttpFrontend {
  return {
    route(exchange) {
      const [, instanceName = '', kind, hash = ''] = /^\/(?:(.*)\/)?(ac|cas)\/([^/]*)$/s.exec(exchange.path) ?? []
      if (kind === undefined) return undefined
      if (kind === 'cas') return serveBlob(exchange, hash, context)
      return serveEntry(exchange, entryKey(instanceName, hash), context)
    },
  }
}

async function serveBlob(exchange: HttpExchange, hash: string, context: FrontendContext): Promise<void> {
  const { storage } = context.backend
  const { signal } = exchange
  assertHash(hash)
  if (exchange.method === 'PUT') {
    await putBlob(exchange, hash, context)
    return
  }
  if (isRefused(exchange)) return
  const digest = await storage.resolveHash(hash, undefined, { signal })
  const reader = digest === null ? null : await storage.getBlob(digest, { signal }).catch(nullIfDamaged)
  if (reader === null) exchange.sendText({ status: 404 }, `blob ${hash} is not stored`)
  else await sendBlob(exchange, reader, CONTENT_TYPE).catch((error: unknown) => notFoundIfDamaged(exchange, error))
}

async function putBlob(exchange: HttpExchange, hash: string, context: FrontendContext): Promise<void> {
  const { backend, uploadDirectory, spoolBudget, maxBlobBytes } = context
  if (await isStored(exchange, hash, context)) {
    assertSameHash(await hashBody(exchange), hash)
    exchange.sendEmpty({ status: 200 })
    return
  }
  await using received = await receiveBlob(exchange, { uploadDirectory, spoolBudget, maxBytes: maxBlobBytes })
  assertSameHash(received.digest.hash, hash)
  await backend.storage.commitWrite(received.digest, received.source)
  exchange.sendEmpty({ status: 200 })
}

function assertSameHash(actual: string, expected: string): void {
  if (actual === expected) return
  throw new StorageError('invalid-argument', `the body has hash ${actual}, not ${expected}`)
}

/** Tells whether the blob is there with the size that the client announces; if it announces none, receiving it tells. */
async function isStored(
  { contentLength, signal }: HttpExchange,
  hash: string,
  context: FrontendContext,
): Promise<boolean> {
  if (contentLength === undefined) return false
  const digest: Digest = { hash, sizeBytes: contentLength }
  return context.backend.storage.hasBlob(digest, { signal })
}

async function serveEntry(exchange: HttpExchange, key: ActionKey, context: FrontendContext): Promise<void> {
  const { backend, uploadDirectory, spoolBudget, maxBlobBytes } = context
  assertHash(key.key)
  if (exchange.method === 'PUT') {
    await using received = await receiveBlob(exchange, { uploadDirectory, spoolBudget, maxBytes: maxBlobBytes })
    const { digest, source } = received
    await putEntryValue(backend, key, { digest, source, references: [], metadata: {} })
    exchange.sendEmpty({ status: 200 })
    return
  }
  if (isRefused(exchange)) return
  const value = await openEntryValue(backend, key, { signal: exchange.signal }).catch(nullIfDamaged)
  if (value === null) exchange.sendText({ status: 404 }, `nothing is stored under ${key.key}`)
  else
    await sendBlob(exchange, value.reader, CONTENT_TYPE).catch((error: unknown) => notFoundIfDamaged(exchange, error))
}

/** Answers what is neither a read nor a write. */
function isRefused(exchange: HttpExchange): boolean {
  if (exchange.method === 'GET' || exchange.method === 'HEAD') return false
  exchange.sendText({ status: 405, headers: { allow: 'GET, HEAD, PUT' } }, `${exchange.method} is not supported here`)
  return true
}

/** What is stored opaquely, apart from the results that REAPI clients store under the same hashes. */
function entryKey(instanceName: string, hash: string): ActionKey {
  return { namespace: `http-ac:sha256:${instanceName}`, key: hash }
}

function nullIfDamaged(error: unknown): null {
  if (StorageError.is(error, 'corrupt')) return null
  throw error
}

/** What was found damaged before a byte of it left was dropped: it is missing, which the client can act on. */
function notFoundIfDamaged(exchange: HttpExchange, error: unknown): void {
  if (!StorageError.is(error, 'corrupt') || exchange.response.headersSent) throw error
  exchange.sendText({ status: 404 }, 'what was stored here is damaged and was dropped')
}
