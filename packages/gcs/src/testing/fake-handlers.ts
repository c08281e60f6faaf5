import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FakeFault, FakeRequest, FakeRequestKind, FakeStatus } from './fake-fault.ts'
import type { FakeGcs } from './fake-gcs.ts'
import { sendMedia, withFlippedBit } from './fake-media.ts'
import type { FakeMetadata, FakeObject } from './fake-objects.ts'
import { FakeRefusal, resourceOf } from './fake-objects.ts'
import type { FakeProgress } from './fake-uploads.ts'

/** One request on its way through the fake. */
export interface FakeExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly described: FakeRequest
  readonly fault: FakeFault | undefined
}

/** Says what a request is about. */
export function describeRequest(request: IncomingMessage, bucketName: string, number: number): FakeRequest {
  const { method = '', url = '', headers } = request
  const { pathname, searchParams } = new URL(url, 'http://fake')
  const objectPath = `/storage/v1/b/${encodeURIComponent(bucketName)}/o`
  const rest = pathname.startsWith(`${objectPath}/`) ? pathname.slice(objectPath.length + 1) : ''
  const name = rest === '' ? (searchParams.get('prefix') ?? '') : decodeURIComponent(rest)
  return { kind: kindOf(request, pathname, searchParams), name, method, url, headers, number }
}

/** Answers a request, with the fault that is wanted. */
export async function answerRequest(fake: FakeGcs, exchange: FakeExchange): Promise<void> {
  const { request, response, fault } = exchange
  try {
    if (fault?.type === 'early-status') {
      sendStatus(response, fault)
      return
    }
    const body = await receive(request, fault)
    if (body === undefined) {
      takeBroken(fake, exchange)
      return
    }
    if (fault?.type === 'reset') {
      request.socket.destroy()
      return
    }
    if (fault?.type === 'stall') await fault.until
    if (fault?.type === 'status') {
      sendStatus(response, fault)
      return
    }
    assertAllowed(fake, request)
    const answer = perform(fake, exchange, body)
    if (fault?.type === 'reset-after') request.socket.destroy()
    else if (fault?.type === 'status-after') sendStatus(response, fault)
    else await answer()
  } catch (error) {
    if (!(error instanceof FakeRefusal)) throw error
    const isText = exchange.described.kind === 'media'
    sendStatus(response, { status: error.status, message: error.message, reason: error.reason }, isText)
  }
}

/** Lets a request take effect; the returned function answers it. */
function perform(fake: FakeGcs, { request, response, described, fault }: FakeExchange, body: Buffer): () => unknown {
  const { objects, uploads } = fake
  const { kind, name } = described
  const { searchParams: query } = new URL(described.url, 'http://fake')
  const send = (object: FakeObject): (() => void) => {
    const resource = resourceOf(objects.bucketName, object)
    const shown = fault?.type === 'wrong-crc32c' ? { ...resource, crc32c: 'AAAAAA==' } : resource
    return () => sendJson(response, shown, fault)
  }
  const isBent = fault?.type === 'flip-uploaded-bit'
  const alter = (content: Buffer): Buffer => (isBent ? withFlippedBit(content) : content)
  if (kind === 'insert') return send(uploads.insert(body, request.headers['content-type'] ?? '', query, alter))
  if (kind === 'patch') return send(objects.patch(name, JSON.parse(body.toString()) as FakeMetadata, query))
  if (kind === 'metadata') return send(objects.get(name, query))
  if (kind === 'media') {
    const object = objects.get(name, query)
    const options = { fault, hasCustomTime: fake.hasCustomTimeHeader }
    return () => sendMedia(response, object, request.headers.range, options)
  }
  if (kind === 'delete') {
    objects.remove(name, query)
    return () => response.writeHead(204).end()
  }
  if (kind === 'list') {
    const { items, nextPageToken } = objects.list(query)
    const resources = items.map((item) => resourceOf(objects.bucketName, item))
    return () => sendJson(response, { kind: 'storage#objects', items: resources, nextPageToken }, fault)
  }
  if (kind === 'begin') {
    const id = uploads.begin(body, Number(request.headers['x-upload-content-length']), query)
    // Another host, as behind a proxy: whoever follows it literally ends nowhere.
    const location = `http://upload.invalid${new URL(described.url, 'http://fake').pathname}?uploadType=resumable&upload_id=${id}`
    return () => response.writeHead(200, { location, 'content-length': '0' }).end()
  }
  return () =>
    sendProgress(response, objects.bucketName, progress(fake, { request, described, fault }, alter(body)), fault)
}

type ChunkExchange = Omit<FakeExchange, 'response'>

function progress({ uploads }: FakeGcs, { request, described, fault }: ChunkExchange, body: Buffer): FakeProgress {
  const id = new URL(described.url, 'http://fake').searchParams.get('upload_id') ?? ''
  if (fault?.type === 'lose-session') uploads.forget(id)
  if (described.kind === 'query') return uploads.query(id)
  const range = request.headers['content-range'] ?? ''
  if (fault?.type === 'take-less') return uploads.takeChunk(id, range, body.subarray(0, 256 * 1024), false)
  return uploads.takeChunk(id, range, body, true)
}

/** Keeps what came of a chunk whose connection broke, as the service does. */
function takeBroken({ uploads }: FakeGcs, { request, described }: FakeExchange): void {
  if (described.kind !== 'chunk') return
  const id = new URL(described.url, 'http://fake').searchParams.get('upload_id') ?? ''
  const received = receivedParts.get(request) ?? []
  uploads.takeChunk(id, request.headers['content-range'] ?? '', Buffer.concat(received), false)
}

const receivedParts = new WeakMap<IncomingMessage, Buffer[]>()

/** Reads the body; undefined when the connection ended before it, or was to. */
async function receive(request: IncomingMessage, fault: FakeFault | undefined): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  receivedParts.set(request, parts)
  let receivedBytes = 0
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      parts.push(part)
      receivedBytes += part.byteLength
      if (fault?.type === 'reset-while-sending' && receivedBytes >= fault.afterBytes) {
        request.socket.destroy()
        return undefined
      }
    }
  } catch {
    return undefined
  }
  return Buffer.concat(parts)
}

function assertAllowed({ token, objects, takesChunked }: FakeGcs, request: IncomingMessage): void {
  const { method = '', url = '', headers } = request
  const wanted = token === '' ? undefined : `Bearer ${token}`
  if (headers.authorization !== wanted) throw new FakeRefusal(401, 'Invalid Credentials', 'authError')
  const hasLength = takesChunked || (headers['content-length'] !== undefined && !headers['transfer-encoding'])
  if (/^(POST|PUT|PATCH)$/.test(method) && !hasLength) throw new FakeRefusal(411, 'A Content-Length is required.')
  if (!/^(\/upload)?\/storage\/v1\/b\/[^/]+\/o[/?]/.test(url)) throw new FakeRefusal(400, `Unknown path: ${url}`)
  const bucket = decodeURIComponent(/\/b\/([^/]+)\//.exec(url)?.[1] ?? '')
  if (bucket !== objects.bucketName) throw new FakeRefusal(404, 'The specified bucket does not exist.', 'notFound')
}

function kindOf({ method, headers }: IncomingMessage, pathname: string, query: URLSearchParams): FakeRequestKind {
  if (method === 'DELETE') return 'delete'
  if (method === 'PATCH') return 'patch'
  if (method === 'PUT') return headers['content-range']?.startsWith('bytes */') === true ? 'query' : 'chunk'
  if (method === 'POST') return query.get('uploadType') === 'resumable' ? 'begin' : 'insert'
  if (pathname.endsWith('/o')) return 'list'
  return query.get('alt') === 'media' ? 'media' : 'metadata'
}

function sendProgress(
  response: ServerResponse,
  bucketName: string,
  made: FakeProgress,
  fault: FakeFault | undefined,
): void {
  if ('object' in made) {
    const resource = resourceOf(bucketName, made.object)
    sendJson(response, fault?.type === 'wrong-crc32c' ? { ...resource, crc32c: 'AAAAAA==' } : resource, fault)
    return
  }
  const range = made.receivedBytes === 0 ? {} : { range: `bytes=0-${made.receivedBytes - 1}` }
  response.writeHead(308, { ...range, 'content-length': '0' }).end()
}

function sendJson(response: ServerResponse, value: unknown, fault: FakeFault | undefined): void {
  const text = fault?.type === 'garbage' ? '<html>' : JSON.stringify(value)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  if (fault?.type === 'break-body') {
    response.write(text.slice(0, fault.afterBytes), () => response.socket?.destroy())
    return
  }
  if (fault?.type !== 'tiny-pieces') {
    response.end(text)
    return
  }
  for (const character of text) response.write(character)
  response.end()
}

function sendStatus(
  response: ServerResponse,
  { status, message = `status ${status}`, reason = '', headers }: FakeStatus,
  isText = false,
): void {
  const text = isText
    ? message
    : JSON.stringify({ error: { code: status, message, errors: [{ message, domain: 'global', reason }] } })
  response.writeHead(status, { 'content-length': String(Buffer.byteLength(text)), ...headers }).end(text)
}
