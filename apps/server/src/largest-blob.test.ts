import type { StorageABC } from '@caskade/core'
import { EmptyBlobStorage, sharded, sizePartitioned, withCache } from '@caskade/core'
import { memoryBackend } from '@caskade/memory'
import { describe, expect, test } from 'vitest'
import { newBlob, writeNameOf, assertStatus } from './testing/reapi-support.fixture.ts'
import { ReapiClient } from './testing/reapi-client.fixture.ts'
import { serveBackend } from './testing/remote-server.fixture.ts'

function memory(maxBlobBytes: number): ReturnType<typeof memoryBackend> {
  return memoryBackend({ maxBlobBytes })
}

const composites: readonly (readonly [string, StorageABC, number])[] = [
  ['EmptyBlob: of what is inside', new EmptyBlobStorage(memory(10).storage), 10],
  ['WithCache: of the fallback', withCache({ cache: memory(20), fallback: memory(30) }).storage, 30],
  ['Sharded: of the shard that takes the most', sharded({ shards: { a: memory(10), b: memory(30) } }).storage, 30],
  ['SizePartitioned: of the large one', partitioned(100, 500), 500],
  ['SizePartitioned: of the small one where the large one takes nothing', partitioned(200, 50), 100],
  ['SizePartitioned: of the small one where that takes less than its share', partitioned(80, 50), 80],
]

function partitioned(small: number, large: number): StorageABC {
  return sizePartitioned({ small: memory(small), large: memory(large), maxSmallBytes: 100 }).storage
}

describe('the largest blob', () => {
  test.each(composites)('%s', (_, storage, expected) => expect(storage.maxBlobBytes).toBe(expected))

  test('that the storage can take is what clients are told, and more is refused before it is received', async () => {
    await using server = await serveBackend(() => memory(1000), { maxBlobBytes: 5000 })
    using client = new ReapiClient(server.address)
    const [most, more] = [newBlob(1000), newBlob(1001)]

    const { cacheCapabilities } = await client.getCapabilities({})

    expect(cacheCapabilities?.maxCasBlobSizeBytes).toBe(1000n)
    await client.upload(writeNameOf(most), most.bytes)
    await assertStatus(client.upload(writeNameOf(more), more.bytes), 'INVALID_ARGUMENT', 'a byte more')
  })
})
