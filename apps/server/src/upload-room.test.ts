import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { create } from '@bufbuild/protobuf'
import { WriteRequestSchema } from '@caskade/reapi/messages'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { formatAddress } from './config/listen-address.ts'
import type { RunningServer } from './index.ts'
import { startServer } from './index.ts'
import { ReapiClient, uploadMessages } from './testing/reapi-client.fixture.ts'
import { assertStatus, newBlob, writeNameOf } from './testing/reapi-support.fixture.ts'

let directory: string
let server: RunningServer
let client: ReapiClient

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-room-'))
  const backend = { type: 'memory' }
  const config = { listen: '127.0.0.1:0', httpListen: '127.0.0.1:0', data: directory, backend }
  server = await startServer({ ...config, maxSpoolBytes: 10_000_000 }, { baseDirectory: directory })
  client = new ReapiClient(formatAddress(server.grpcAddress))
})

afterEach(async () => {
  client[Symbol.dispose]()
  await server.stop()
  rmSync(directory, { recursive: true })
})

/** Begins an upload that takes so much of the disk and goes no further. */
async function occupy(sizeBytes: number): Promise<() => Promise<void>> {
  const blob = newBlob(sizeBytes + 16_384)
  const name = writeNameOf(blob)
  const { stream, response } = client.openWrite()
  for (const message of uploadMessages(name, blob.bytes).slice(0, -1)) stream.write(create(WriteRequestSchema, message))
  while ((await client.queryWriteStatus({ resourceName: name })).committedSize < sizeBytes) continue
  return async () => {
    stream.end()
    await assertStatus(response, 'INVALID_ARGUMENT', 'an upload that stops short')
  }
}

async function put(sizeBytes: number): Promise<number> {
  const blob = newBlob(sizeBytes)
  const url = `http://${formatAddress(server.httpAddress)}/cas/${blob.digest.hash}`
  return (await fetch(url, { method: 'PUT', body: blob.bytes })).status
}

describe('the room for uploads', () => {
  test('is shared by all protocols: beyond it they are told to try again, and small ones go on', async () => {
    const release = await occupy(8_000_000)
    const [large, small] = [newBlob(5_000_000), newBlob(500_000)]

    await assertStatus(client.upload(writeNameOf(large), large.bytes), 'UNAVAILABLE', 'over gRPC')
    expect(await put(5_000_000)).toBe(503)
    await client.upload(writeNameOf(small), small.bytes)
    expect(await put(500_000)).toBe(200)

    await release()
    await client.upload(writeNameOf(large), large.bytes)
    expect(await put(5_000_000)).toBe(200)
  })

  test('counts what compressed content comes to, and is given back whole', async () => {
    for (let round = 0; round < 3; round++) {
      const packed = zstdCompressSync(newBlob(9_000_000).bytes)
      const bomb = client.upload(writeNameOf(newBlob(9_500_000), '', 'zstd'), packed)
      await assertStatus(bomb, 'INVALID_ARGUMENT', 'the wrong content')
    }
    const blob = newBlob(9_900_000)
    await client.upload(writeNameOf(blob, '', 'zstd'), zstdCompressSync(blob.bytes))

    expect(
      readdirSync(join(directory, 'caskade-uploads'), { recursive: true }).filter((name) =>
        String(name).endsWith('.upload'),
      ),
    ).toEqual([])
  })

  test('is what no blob can be larger than, which capabilities tell', async () => {
    const { cacheCapabilities } = await client.getCapabilities({})
    const blob = newBlob(10_000_001)

    expect(cacheCapabilities?.maxCasBlobSizeBytes).toBe(10_000_000n)
    await assertStatus(client.upload(writeNameOf(blob), blob.bytes), 'INVALID_ARGUMENT', 'over gRPC')
    expect(await put(10_000_001)).toBe(413)
  })
})
