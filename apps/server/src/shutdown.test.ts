import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { WriteRequestSchema } from '@caskade/reapi/messages'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { formatAddress } from './config/listen-address.ts'
import type { RunningServer } from './index.ts'
import { startServer } from './index.ts'
import { ReapiClient, uploadMessages } from './testing/reapi-client.fixture.ts'
import { newBlob, store, writeNameOf } from './testing/reapi-support.fixture.ts'

let directory: string
let server: RunningServer
let client: ReapiClient

async function start(drainMs: number): Promise<void> {
  server = await startServer({ listen: '127.0.0.1:0', httpListen: '127.0.0.1:0', data: directory, drainMs })
  client = new ReapiClient(formatAddress(server.grpcAddress))
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-shutdown-'))
})

afterEach(async () => {
  client[Symbol.dispose]()
  await server.stop()
  rmSync(directory, { recursive: true })
})

describe('stopping', () => {
  test('lets an upload over gRPC finish, keeps it, and refuses what is new', async () => {
    await start(60_000)
    const blob = newBlob(100_000)
    const [first, ...rest] = uploadMessages(writeNameOf(blob), blob.bytes)
    const { stream, response } = client.openWrite()
    stream.write(create(WriteRequestSchema, first))
    await client.queryWriteStatus({ resourceName: first?.resourceName ?? '' })

    const stopping = server.stop()
    const hasStopped = vi.fn<() => void>()
    const stoppingToo = server.stop().then(hasStopped)
    using late = new ReapiClient(formatAddress(server.grpcAddress))
    await expect(late.getCapabilities({})).rejects.toMatchObject({ code: 14 })
    expect(hasStopped).not.toHaveBeenCalled()
    for (const message of rest) stream.write(create(WriteRequestSchema, message))
    stream.end()

    expect((await response).committedSize).toBe(100_000n)
    await stopping
    await stoppingToo
    await start(1)
    expect((await client.read(`blobs/${blob.digest.hash}/100000`)).equals(blob.bytes)).toBe(true)
  })

  test('lets an upload over HTTP finish', async () => {
    await start(60_000)
    const blob = newBlob(100_000)
    const status = Promise.withResolvers<number | undefined>()
    const upload = request(`http://${formatAddress(server.httpAddress)}/cas/${blob.digest.hash}`, {
      method: 'PUT',
      headers: { 'content-length': 100_000, expect: '100-continue' },
    })
    upload.on('response', (response) => status.resolve(response.resume().statusCode))
    upload.flushHeaders()
    // Told to go on, so the request is under way.
    await new Promise<void>((resolve) => void upload.on('continue', resolve))
    upload.write(blob.bytes.subarray(0, 50_000))

    const stopping = server.stop()
    upload.end(blob.bytes.subarray(50_000))

    expect(await status.promise).toBe(200)
    await stopping
  })

  test('ends what does not finish by the deadline, and leaves no upload behind', async () => {
    await start(1)
    const blob = newBlob(3_000_000)
    const { stream, response } = client.openWrite()
    for (const message of uploadMessages(writeNameOf(blob), blob.bytes).slice(0, 150)) {
      stream.write(create(WriteRequestSchema, message))
    }
    await store(client, newBlob(10))

    await server.stop()

    await expect(response).rejects.toMatchObject({ code: expect.any(Number) })
    expect(readdirSync(join(directory, 'caskade-uploads'))).toEqual([])
  })
})
