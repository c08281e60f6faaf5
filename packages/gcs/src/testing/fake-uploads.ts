import { randomUUID } from 'node:crypto'
import type { FakeMetadata, FakeObject, FakeObjects } from './fake-objects.ts'
import { FakeRefusal } from './fake-objects.ts'

const UNIT_BYTES = 256 * 1024

interface Session {
  readonly metadata: FakeMetadata
  readonly query: URLSearchParams
  readonly totalBytes: number
  content: Buffer
  object?: FakeObject | undefined
}

/** What a session has come to: an object, or how many bytes of it there are. */
export type FakeProgress = { readonly object: FakeObject } | { readonly receivedBytes: number }

/** The uploads of the fake: multipart ones, and those that come in chunks. */
export class FakeUploads {
  readonly #objects: FakeObjects
  readonly #sessions = new Map<string, Session>()

  constructor(objects: FakeObjects) {
    this.#objects = objects
  }

  /** Takes a multipart body apart, strictly (RFC 2387), and creates what it holds. */
  insert(body: Buffer, contentType: string, query: URLSearchParams, alter: (content: Buffer) => Buffer): FakeObject {
    const boundary = /^multipart\/related; boundary=([\w-]+)$/.exec(contentType)?.[1]
    if (boundary === undefined) throw new FakeRefusal(400, `Bad content type: ${contentType}`)
    const [metadataPart, contentPart] = partsOf(body, boundary)
    const metadata = JSON.parse(metadataPart.toString()) as FakeMetadata
    return this.#objects.create(nameOf(metadata, query), alter(contentPart), metadata, query)
  }

  /** Begins an upload in chunks. Returns what names it. */
  begin(body: Buffer, totalBytes: number, query: URLSearchParams): string {
    const metadata = JSON.parse(body.toString() || '{}') as FakeMetadata
    this.#objects.assertPreconditions(this.#objects.find(nameOf(metadata, query)), query)
    const id = randomUUID()
    this.#sessions.set(id, { metadata, query, totalBytes, content: Buffer.alloc(0) })
    return id
  }

  forget(id: string): void {
    this.#sessions.delete(id)
  }

  /** Takes a chunk, or, of a request that broke off, the part of it that came. */
  takeChunk(id: string, range: string, received: Buffer, isComplete: boolean): FakeProgress {
    const session = this.#get(id)
    const [, from, last, total] = (/^bytes (\d+)-(\d+)\/(\d+)$/.exec(range) ?? []).map(Number)
    if (from === undefined || last === undefined || total !== session.totalBytes || last >= total) {
      throw new FakeRefusal(400, `Bad content range: ${range}`)
    }
    if (session.object !== undefined) return { object: session.object }
    if (from > session.content.byteLength) throw new FakeRefusal(503, `There is a gap before byte ${from}.`)
    if (isComplete && received.byteLength !== last - from + 1)
      throw new FakeRefusal(400, 'The chunk has another length.')
    if (isComplete && last + 1 < total && received.byteLength % UNIT_BYTES !== 0) {
      throw new FakeRefusal(400, `A chunk must have a multiple of ${UNIT_BYTES} bytes.`)
    }
    const content = Buffer.concat([session.content.subarray(0, from), received])
    const isLast = isComplete && content.byteLength === total
    session.content = isLast ? content : content.subarray(0, content.byteLength - (content.byteLength % UNIT_BYTES))
    if (!isLast) return { receivedBytes: session.content.byteLength }
    session.object = this.#objects.create(
      nameOf(session.metadata, session.query),
      content,
      session.metadata,
      session.query,
    )
    return { object: session.object }
  }

  query(id: string): FakeProgress {
    const { object, content } = this.#get(id)
    return object === undefined ? { receivedBytes: content.byteLength } : { object }
  }

  #get(id: string): Session {
    const session = this.#sessions.get(id)
    if (session === undefined) throw new FakeRefusal(404, 'The upload is unknown.', 'notFound')
    return session
  }
}

function nameOf(metadata: FakeMetadata, query: URLSearchParams): string {
  const name = metadata.name ?? query.get('name')
  if (name === null || name === '') throw new FakeRefusal(400, 'The object has no name.')
  return name
}

function partsOf(body: Buffer, boundary: string): readonly [Buffer, Buffer] {
  const opening = Buffer.from(`--${boundary}\r\n`)
  const between = Buffer.from(`\r\n--${boundary}\r\n`)
  const closing = Buffer.from(`\r\n--${boundary}--`)
  const middle = body.indexOf(between)
  // The end of the line after the last boundary may be left out (RFC 2046, section 5.1.1).
  const end = body.byteLength - (body.subarray(-2).toString('latin1') === '\r\n' ? 2 : 0) - closing.byteLength
  const isFramed = body.subarray(0, opening.byteLength).equals(opening) && middle > 0
  if (!isFramed || !body.subarray(end, end + closing.byteLength).equals(closing)) {
    throw new FakeRefusal(400, 'Malformed multipart body.')
  }
  const first = body.subarray(opening.byteLength, middle)
  const second = body.subarray(middle + between.byteLength, end)
  return [contentOf(first, 'application/json'), contentOf(second, '')]
}

function contentOf(part: Buffer, type: string): Buffer {
  const end = part.indexOf('\r\n\r\n')
  const isTyped = end >= 0 && part.toString('latin1', 0, end).toLowerCase().startsWith(`content-type: ${type}`)
  if (!isTyped) throw new FakeRefusal(400, 'A part of the multipart body has no content type.')
  return part.subarray(end + 4)
}
