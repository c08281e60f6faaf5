import { randomBytes } from 'node:crypto'
import type { Digest, WholeReadOptions } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { memoryBackend, MemoryStorage } from '@caskade/memory'
import { sqliteBackend } from '@caskade/sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ReapiClient } from './testing/reapi-client.fixture.ts'
import type { WireBlob } from './testing/reapi-support.fixture.ts'
import { blobOf } from './testing/reapi-support.fixture.ts'
import type { BackendServer } from './testing/remote-server.fixture.ts'
import { serveBackend } from './testing/remote-server.fixture.ts'

/** Reads into the buffers that it is lent, and as long as it fails to read, goes on writing to them afterwards. */
class LateStorage extends MemoryStorage {
  readonly lent: Uint8Array[] = []
  isFailing = false

  override async bulkReadBlobs(
    digests: readonly Digest[],
    { buffers, ...options }: WholeReadOptions = {},
  ): Promise<Map<string, Uint8Array>> {
    const found = await super.bulkReadBlobs(digests, options)
    if (buffers === undefined) return found
    for (const [hash, bytes] of found) {
      const buffer = buffers.take(bytes.byteLength)
      buffer.set(bytes)
      found.set(hash, buffer)
      this.lent.push(buffer)
    }
    if (this.isFailing) throw new StorageError('unavailable', 'it fails')
    return found
  }
}

const blobs = Array.from({ length: 60 }, () => blobOf(randomBytes(100_000)))

let server: BackendServer | undefined
let client: ReapiClient

beforeEach(() => {
  server = undefined
})

afterEach(async () => {
  client[Symbol.dispose]()
  await server?.[Symbol.asyncDispose]()
})

/** Reads a batch, and compares its content. Resolves to how many blobs are wrong. */
async function countWrong(batch: readonly WireBlob[]): Promise<number> {
  const { responses } = await client.batchReadBlobs({ digests: batch.map(({ wire }) => wire) })
  return batch.filter(({ bytes }, index) => !bytes.equals(responses[index]?.data ?? Buffer.alloc(0))).length
}

test('batches that are read at the same time, and again and again, each have their own content', async () => {
  server = await serveBackend((path) => sqliteBackend({ path }))
  client = new ReapiClient(server.address)
  await server.storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))

  for (let round = 0; round < 3; round += 1) {
    const batches = Array.from({ length: 12 }, (_, index) => blobs.slice((index * 7) % 40, ((index * 7) % 40) + 20))
    expect(await Promise.all(batches.map((batch) => countWrong(batch)))).toEqual(batches.map(() => 0))
  }
})

test('memory that a storage may still write to, because it failed, is not used again', async () => {
  const storage = new LateStorage()
  server = await serveBackend(() => ({ ...memoryBackend(), storage }))
  client = new ReapiClient(server.address)
  await storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))
  const batch = blobs.slice(0, 10)
  expect(await countWrong(batch)).toBe(0)
  const [first] = storage.lent.splice(0)
  expect(await countWrong(batch)).toBe(0)
  expect(storage.lent[0]?.buffer).toBe(first?.buffer)
  storage.isFailing = true

  expect(await countWrong(batch)).toBe(0)

  storage.isFailing = false
  const late = storage.lent.at(-1)
  storage.lent.splice(0)
  expect(await countWrong(batch)).toBe(0)
  expect(storage.lent[0]?.buffer).not.toBe(late?.buffer)
})
