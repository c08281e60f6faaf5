import type { BlobReader, Digest, OperationOptions, ReadOptions, StorageABC } from '@caskade/core'
import { digestOf, readerFromBytes, resolveRange, StorageError } from '@caskade/core'
import { combineRanges, parse } from 'range-parser'
import type { HttpExchange } from './http-exchange.ts'
import { sendReader } from './send-reader.ts'

/** The bit that tells of a range that is not one. */
const MALFORMED = 1

/** Content that is stored, or was when it was named. */
export interface StoredContent {
  readonly digest: Digest
  /** Tells whether it is there. */
  readonly has: (options: OperationOptions) => Promise<boolean>
  /** Opens a part of it; resolves to null when it is not there. */
  readonly open: (options: ReadOptions) => Promise<BlobReader | null>
}

/** The content of a blob. */
export function storedBlob(storage: StorageABC, digest: Digest): StoredContent {
  return {
    digest,
    has: (options) => storage.hasBlob(digest, options),
    open: (options) => storage.getBlob(digest, options),
  }
}

/** Content that is in memory. */
export function storedBytes(bytes: Uint8Array): StoredContent {
  const digest = digestOf(bytes)
  return {
    digest,
    has: async () => true,
    async open(options) {
      const { offset, length } = resolveRange(digest, options)
      return readerFromBytes(bytes.subarray(offset, offset + length), options)
    },
  }
}

/** A part of a blob, or all of it. */
type Selection = { readonly status: 200 } | { readonly status: 206; readonly start: number; readonly end: number }

/**
 * Answers a GET or HEAD with stored content, or with the part of it that is asked for (RFC 9110, sections 13 and 14: one range of
 * bytes, If-Range, If-None-Match; several ranges at once are answered with everything).
 *
 * Resolves to how many bytes of content were sent, null when none was to be; to undefined, with nothing sent at all, when it is
 * not there, or was damaged and dropped.
 */
export async function sendStored(
  exchange: HttpExchange,
  content: StoredContent,
  ownHeaders: Readonly<Record<string, string>>,
): Promise<number | null | undefined> {
  const { response, signal, buffers } = exchange
  const { digest } = content
  const headers = headersOf(ownHeaders, digest.hash)
  const etag = `"${digest.hash}"`
  const isUnchanged = matchesEtag(exchange.headers['if-none-match'], etag)
  const selection = exchange.method === 'HEAD' ? ({ status: 200 } as const) : selectRange(exchange, digest, etag)
  if (isUnchanged || selection === undefined || exchange.method === 'HEAD') {
    if (!(await content.has({ signal }))) return undefined
    if (isUnchanged) exchange.sendEmpty({ status: 304, headers })
    else if (selection === undefined) sendUnsatisfiable(exchange, digest)
    else response.writeHead(200, { ...headers, 'content-length': digest.sizeBytes }).end()
    return null
  }
  const range = selection.status === 206 && contentRange(selection, digest)
  try {
    const reader = await content.open({ ...rangeOf(selection), signal, buffers })
    if (reader === null) return undefined
    await sendReader(exchange, reader, { status: selection.status, headers: { ...headers, ...range } })
    return reader.sizeBytes
  } catch (error) {
    return undefinedIfMissing(exchange, error)
  }
}

/** Answers a GET or HEAD with the blob of a hash, as {@link sendStored} does; when all of it is asked for, with one look at the storage. */
export async function sendBlobOfHash(
  exchange: HttpExchange,
  storage: StorageABC,
  hash: string,
  ownHeaders: Readonly<Record<string, string>>,
): Promise<number | null | undefined> {
  const { method, signal, buffers } = exchange
  const { range, 'if-none-match': knownEtags } = exchange.headers
  if (method !== 'GET' || range !== undefined || knownEtags !== undefined) {
    const digest = await storage.resolveHash(hash, undefined, { signal })
    return digest === null ? undefined : sendStored(exchange, storedBlob(storage, digest), ownHeaders)
  }
  try {
    const found = await storage.getBlobByHash(hash, undefined, { signal, buffers })
    if (found === null) return undefined
    await sendReader(exchange, found.reader, { status: 200, headers: headersOf(ownHeaders, hash) })
    return found.reader.sizeBytes
  } catch (error) {
    return undefinedIfMissing(exchange, error)
  }
}

/** What was found damaged before a byte of it left was dropped: it is missing, which the client can act on. Throws anything else. */
function undefinedIfMissing({ response }: HttpExchange, error: unknown): undefined {
  if (StorageError.is(error, 'corrupt') && !response.headersSent) return undefined
  throw error
}

/** Names the content, and tells that parts of it can be asked for. */
function headersOf(ownHeaders: Readonly<Record<string, string>>, hash: string): Record<string, string> {
  return { ...ownHeaders, etag: `"${hash}"`, 'accept-ranges': 'bytes' }
}

/** Undefined when there is no such part. */
function selectRange({ headers }: HttpExchange, { sizeBytes }: Digest, etag: string): Selection | undefined {
  const { range, 'if-range': condition } = headers
  if (range === undefined || (condition !== undefined && condition !== etag)) return { status: 200 }
  const { code, type, ranges } = parse(sizeBytes, range)
  if (type !== 'bytes' || (code & MALFORMED) !== 0) return { status: 200 }
  const [only, ...others] = combineRanges(ranges)
  if (only === undefined) return sizeBytes === 0 ? { status: 200 } : undefined
  return others.length > 0 ? { status: 200 } : { status: 206, start: only.start, end: only.end }
}

function rangeOf(selection: Selection): Pick<ReadOptions, 'offset' | 'length'> {
  return selection.status === 200 ? {} : { offset: selection.start, length: selection.end + 1 - selection.start }
}

function contentRange(selection: { start: number; end: number }, { sizeBytes }: Digest): Record<string, string> {
  return { 'content-range': `bytes ${selection.start}-${selection.end}/${sizeBytes}` }
}

function sendUnsatisfiable(exchange: HttpExchange, { sizeBytes }: Digest): void {
  const headers = { 'content-range': `bytes */${sizeBytes}` }
  exchange.sendText({ status: 416, headers }, `there is no such range in ${sizeBytes} bytes`)
}

/** Weak comparison, as If-None-Match wants it. */
function matchesEtag(header: string | undefined, etag: string): boolean {
  return header?.split(',').some((each) => ['*', etag, `W/${etag}`].includes(each.trim())) ?? false
}
