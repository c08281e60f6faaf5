import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { ClientReadableStream } from '@grpc/grpc-js'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ByteStream, type ReadResponse, ReadResponseSchema, WriteRequestSchema } from '@caskade/reapi/messages'
import { describe, expect, test } from 'vitest'
import { ReapiClient } from '../src/testing/reapi-client.fixture.ts'
import { temporaryFolder } from './support/folders.ts'
import { startServerProcess } from './support/server-process.ts'

const CHUNK_BYTES = 1024 * 1024
const CHUNKS = 5 * 1024
const SIZE_BYTES = CHUNK_BYTES * CHUNKS
const MAX_MEMORY_BYTES = 300 * 1024 * 1024

/** A megabyte that is different for every index, made without keeping any. */
function chunk(index: number): Buffer {
  const bytes = Buffer.alloc(CHUNK_BYTES, `chunk ${index} `)
  bytes.writeUInt32LE(index, CHUNK_BYTES - 4)
  return bytes
}

function hashOfAll(): string {
  const hash = createHash('sha256')
  for (let index = 0; index < CHUNKS; index++) hash.update(chunk(index))
  return hash.digest('hex')
}

describe('a blob of 5 GiB', () => {
  test('goes in and out through ByteStream while the server stays below 300 MiB', async () => {
    using folder = temporaryFolder('large')
    await using server = await startServerProcess(folder.path)
    using client = new ReapiClient(server.grpc)
    const hash = hashOfAll()

    const committedSize = await upload(client, `uploads/u/blobs/${hash}/${SIZE_BYTES}`)
    const afterUpload = server.peakMemoryBytes()
    const downloaded = await download(client, `blobs/${hash}/${SIZE_BYTES}`)
    const afterDownload = server.peakMemoryBytes()

    const megabytes = [afterUpload, afterDownload].map((bytes) => Math.round(bytes / 1024 / 1024))
    process.stdout.write(`peak resident memory: ${megabytes[0]} MiB after upload, ${megabytes[1]} MiB after download\n`)
    expect(committedSize).toBe(BigInt(SIZE_BYTES))
    expect(downloaded).toBe(hash)
    expect(afterDownload).toBeLessThan(MAX_MEMORY_BYTES)
  })

  test('a client that stops reading costs no memory either', async () => {
    using folder = temporaryFolder('slow')
    await using server = await startServerProcess(folder.path)
    using client = new ReapiClient(server.grpc)
    const bytes = Buffer.concat(Array.from({ length: 64 }, (_, index) => chunk(index)))
    const hash = createHash('sha256').update(bytes).digest('hex')
    await client.upload(`uploads/u/blobs/${hash}/${bytes.byteLength}`, bytes, CHUNK_BYTES)

    const readers = Array.from({ length: 100 }, () => openRead(client, `blobs/${hash}/${bytes.byteLength}`))
    for (const reader of readers) {
      // Cancelled at the end, which is no failure here.
      reader.on('error', () => undefined)
      await once(reader, 'readable')
      reader.pause()
    }
    const peak = server.peakMemoryBytes()
    process.stdout.write(`peak resident memory with 100 stalled readers: ${Math.round(peak / 1024 / 1024)} MiB\n`)
    for (const reader of readers) reader.cancel()

    expect(peak).toBeLessThan(MAX_MEMORY_BYTES)
  })
})

async function upload(client: ReapiClient, resourceName: string): Promise<bigint> {
  const { stream, response } = client.openWrite()
  for (let index = 0; index < CHUNKS; index++) {
    const message = create(WriteRequestSchema, {
      resourceName: index === 0 ? resourceName : '',
      writeOffset: BigInt(index * CHUNK_BYTES),
      finishWrite: index === CHUNKS - 1,
      data: chunk(index),
    })
    if (!stream.write(message)) await once(stream, 'drain')
  }
  stream.end()
  return (await response).committedSize
}

async function download(client: ReapiClient, resourceName: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const response of openRead(client, resourceName)) hash.update((response as ReadResponse).data)
  return hash.digest('hex')
}

function openRead({ client }: ReapiClient, resourceName: string): ClientReadableStream<ReadResponse> {
  const { read } = ByteStream.method
  return client.makeServerStreamRequest<string, ReadResponse>(
    `/${read.parent.typeName}/${read.name}`,
    (name) => Buffer.from(toBinary(read.input, create(read.input, { resourceName: name }))),
    (bytes) => fromBinary(ReadResponseSchema, bytes),
    resourceName,
  )
}
