import { randomBytes } from 'node:crypto'
import type { BlobSource, Digest, OperationOptions } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { memoryBackend, MemoryStorage } from '@caskade/memory'
import { create } from '@bufbuild/protobuf'
import { WriteRequestSchema } from '@caskade/reapi/messages'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ReapiClient, uploadMessages } from './testing/reapi-client.fixture.ts'
import { assertStatus, blobOf, writeNameOf } from './testing/reapi-support.fixture.ts'
import type { BackendServer } from './testing/remote-server.fixture.ts'
import { serveBackend } from './testing/remote-server.fixture.ts'

/** Begins every commit and lets the test say how it goes on. */
class HeldStorage extends MemoryStorage {
  readonly begun: { readonly goOn: () => void; readonly fail: (reason: Error) => void }[] = []
  /** Wakes who waits for a commit to begin. */
  #wake: (() => void) | undefined

  override async commitWrite(digest: Digest, source: BlobSource, options?: OperationOptions): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.begun.push({ goOn: resolve, fail: reject })
    this.#wake?.()
    await promise
    await super.commitWrite(digest, source, options)
  }

  async untilBegun(count: number): Promise<void> {
    while (this.begun.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

let storage: HeldStorage
let server: BackendServer
let client: ReapiClient

beforeEach(async () => {
  storage = new HeldStorage()
  server = await serveBackend(() => ({ ...memoryBackend(), storage }))
  client = new ReapiClient(server.address)
})

afterEach(async () => {
  client[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

const blob = blobOf(randomBytes(3_000_000))
const size = BigInt(blob.bytes.byteLength)

describe('a client that comes back while its upload is being stored', () => {
  test('waits with the call before it, and both are told that it is stored', async () => {
    const name = writeNameOf(blob)
    const first = client.upload(name, blob.bytes)
    await storage.untilBegun(1)

    const { committedSize, complete } = await client.queryWriteStatus({ resourceName: name })
    const again = client.write([{ resourceName: name, writeOffset: committedSize, finishWrite: true }])
    await untilSeen(name)
    for (const { goOn } of storage.begun) goOn()

    expect([committedSize, complete]).toEqual([size, false])
    expect((await again).committedSize).toBe(size)
    expect((await first).committedSize).toBe(size)
    expect(storage.begun).toHaveLength(1)
    expect((await client.read(`blobs/${blob.digest.hash}/${size}`)).equals(blob.bytes)).toBe(true)
  })

  test('and sends too much is refused, without harm to what is being stored', async () => {
    const name = writeNameOf(blob)
    const first = client.upload(name, blob.bytes)
    await storage.untilBegun(1)

    const more = client.write([{ resourceName: name, writeOffset: size, data: Buffer.alloc(1), finishWrite: true }])
    more.catch(() => undefined)
    await untilSeen(name)
    storage.begun[0]?.goOn()

    await assertStatus(more, 'INVALID_ARGUMENT', 'a byte beyond the end')
    expect((await first).committedSize).toBe(size)
    expect(await server.storage.hasBlob(blob.digest)).toBe(true)
  })

  test('and finds that storing failed while nobody was there can have it tried again', async () => {
    const name = writeNameOf(blob)
    const { stream, response } = client.openWrite()
    for (const message of uploadMessages(name, blob.bytes)) stream.write(create(WriteRequestSchema, message))
    await storage.untilBegun(1)
    stream.cancel()
    await assertStatus(response, 'CANCELLED', 'the client that vanished')
    await untilSeen(name)
    storage.begun[0]?.fail(new StorageError('unavailable', 'not now'))

    const again = client.write([{ resourceName: name, writeOffset: size, finishWrite: true }])
    await storage.untilBegun(2)
    storage.begun[1]?.goOn()

    expect((await again).committedSize).toBe(size)
  })
})

/** Waits until the server has seen all calls that were made before. */
async function untilSeen(resourceName: string): Promise<void> {
  for (let round = 0; round < 20; round++) await client.queryWriteStatus({ resourceName })
}
