import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { connect } from 'node:http2'
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { create, toBinary } from '@bufbuild/protobuf'
import type { BlobReader, Digest, OperationOptions, ReadOptions } from '@caskade/core'
import { memoryBackend, MemoryStorage } from '@caskade/memory'
import { BatchReadBlobsRequestSchema, ReadRequestSchema } from '@caskade/reapi/messages'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { blobOf } from './testing/reapi-support.fixture.ts'
import type { BackendServer } from './testing/remote-server.fixture.ts'
import { serveBackend } from './testing/remote-server.fixture.ts'

const BATCH_READ = '/build.bazel.remote.execution.v2.ContentAddressableStorage/BatchReadBlobs'
const READ = '/google.bytestream.ByteStream/Read'

/** Counts what was begun to be read. */
class CountingStorage extends MemoryStorage {
  readCount = 0

  override getBlob(digest: Digest, options?: ReadOptions): Promise<BlobReader | null> {
    this.readCount += 1
    return super.getBlob(digest, options)
  }

  override bulkReadBlobs(digests: readonly Digest[], options?: OperationOptions): Promise<Map<string, Uint8Array>> {
    this.readCount += digests.length
    return super.bulkReadBlobs(digests, options)
  }
}

const blob = blobOf(randomBytes(1_000_000))
let storage: CountingStorage
let server: BackendServer
let sessions: ClientHttp2Session[]

beforeEach(async () => {
  storage = new CountingStorage()
  server = await serveBackend(() => ({ ...memoryBackend(), storage }), { maxResponseBytes: 4_000_000 })
  await storage.bulkUpdateBlobs([[blob.digest, blob.bytes]])
  // None of them takes more than some kilobytes of a response that nobody reads.
  sessions = [1, 2, 3, 4, 5, 6].map(() =>
    connect(`http://${server.address}`, { settings: { initialWindowSize: 16_384 } }),
  )
  await Promise.all(sessions.map((session) => once(session, 'connect')))
})

afterEach(async () => {
  for (const session of sessions) session.destroy()
  await server[Symbol.asyncDispose]()
})

/** Makes a call on a connection and reads nothing of the response. */
function call<Schema extends DescMessage>(
  session: ClientHttp2Session | undefined,
  path: string,
  schema: Schema,
  request: MessageInitShape<Schema>,
): ClientHttp2Stream {
  const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
  const stream = (session as ClientHttp2Session).request(headers)
  const message = toBinary(schema, create(schema, request))
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.byteLength, 1)
  stream.end(Buffer.concat([prefix, message]))
  stream.on('error', () => undefined)
  return stream
}

/** Waits until the server reads no more, although it has seen every call. */
async function readCount(): Promise<number> {
  for (let before = -1; storage.readCount !== before;) {
    before = storage.readCount
    for (let round = 0; round < 30; round++) {
      await Promise.all(sessions.map((session) => new Promise((resolve) => void session.ping(resolve))))
    }
  }
  return storage.readCount
}

/** Reads a response to its end; resolves to its status. */
async function statusOf(stream: ClientHttp2Stream): Promise<unknown> {
  const trailers = once(stream, 'trailers')
  stream.resume()
  return (await trailers)[0]['grpc-status']
}

function batchRead(session: ClientHttp2Session | undefined): ClientHttp2Stream {
  return call(session, BATCH_READ, BatchReadBlobsRequestSchema, { digests: [blob.wire] })
}

function compressedRead(session: ClientHttp2Session | undefined): ClientHttp2Stream {
  const resourceName = `compressed-blobs/zstd/${blob.digest.hash}/${blob.digest.sizeBytes}`
  return call(session, READ, ReadRequestSchema, { resourceName })
}

describe('responses that nobody reads', () => {
  test('a connection has a quarter of the memory for batches, all have the whole, and everybody is answered', async () => {
    const few = Array.from({ length: 4 }, () => batchRead(sessions[0]))
    expect(await readCount()).toBe(1)
    const more = sessions.slice(1).map(batchRead)
    expect(await readCount()).toBe(4)

    const statuses = await Promise.all([...few, ...more].map(statusOf))

    expect(statuses).toEqual(Array.from({ length: 9 }, () => '0'))
  })

  test('those who cancel, or vanish, make room', async () => {
    const unread = sessions.slice(0, 4).map(batchRead)
    const late = batchRead(sessions[4])
    expect(await readCount()).toBe(4)

    unread[0]?.close()
    sessions[1]?.destroy()

    expect(await statusOf(late)).toBe('0')
  })

  test('compressed downloads wait for the memory of their encoders', async () => {
    const reads = sessions.flatMap((session) => [compressedRead(session), compressedRead(session)])
    expect(await readCount()).toBe(5)

    const statuses = await Promise.all(reads.map(statusOf))

    expect(statuses).toEqual(Array.from({ length: 12 }, () => '0'))
  })
})
