import type { TestBlob } from '@caskade/conformance'
import { makeBlob, sourceOf } from '@caskade/conformance'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { closedConnections } from './fake-buckets.fixture.ts'
import type { GcsOptions } from './index.ts'
import { GcsStorage } from './index.ts'
import type { FakeFault } from './testing/index.ts'
import { FakeGcs, inTurn } from './testing/index.ts'

let fake: FakeGcs
let storage: GcsStorage

async function open(options: Omit<GcsOptions, 'bucket'> = {}): Promise<void> {
  storage = new GcsStorage({ bucket: fake.bucket(), wait: async () => undefined, ...options })
  await storage.start()
}

beforeEach(async () => {
  fake = await FakeGcs.start()
  await open()
})

afterEach(async () => {
  await storage.stop()
  await closedConnections(fake)
  await fake[Symbol.asyncDispose]()
})

async function put(blob: TestBlob): Promise<void> {
  await storage.commitWrite(blob.digest, sourceOf(blob))
}

async function assertReads({ digest, bytes }: TestBlob): Promise<void> {
  const found = await (await storage.getBlob(digest))?.bytes()
  expect(Buffer.compare(found ?? Buffer.alloc(0), bytes)).toBe(0)
}

describe('a resumable upload', () => {
  const large: TestBlob = makeBlob(6, 2_000_000)
  const chunked = { maxSingleUploadBytes: 1_000_000, uploadChunkBytes: 524_288 }

  test.each<[string, FakeFault]>([
    ['loses its connection half-way', { type: 'reset-while-sending', afterBytes: 300_000 }],
    ['loses its connection after it had effect', { type: 'reset-after' }],
    ['is answered 503', { type: 'status', status: 503 }],
    ['is answered 503 at once', { type: 'early-status', status: 503 }],
    ['is forgotten', { type: 'lose-session' }],
    ['is kept only in part', { type: 'take-less' }],
    ['arrives damaged', { type: 'flip-uploaded-bit' }],
    ['is said to have another checksum', { type: 'wrong-crc32c' }],
    ['ends with garbage', { type: 'garbage' }],
  ])('of which a chunk %s goes on, and stores the blob', async (_, fault) => {
    for (const turn of [0, 2, 3]) {
      await storage.stop()
      await open(chunked)
      const faults = Array.from({ length: turn + 1 }, (_each, index) => (index === turn ? fault : undefined))
      fake.plan = inTurn('chunk', ...faults)

      await put(large)

      await assertReads(large)
      await storage.deleteBlob(large.digest)
    }
    expect(fake.objects.all).toEqual([])
  })

  test('sends again only what the service does not have', async () => {
    await storage.stop()
    await open(chunked)
    fake.plan = inTurn('chunk', undefined, { type: 'reset-while-sending', afterBytes: 300_000 })

    await put(large)

    const sent = fake.requests.flatMap(({ headers }) => headers['content-range'] ?? [])
    expect(sent.slice(0, 3)).toEqual(['bytes 0-524287/2000000', 'bytes 524288-1048575/2000000', 'bytes */2000000'])
    expect(sent[3]).toMatch(/^bytes (524288|786432)-/)
    expect(sent.at(-1)).toMatch(/-1999999\/2000000$/)
    expect(sent.length).toBeLessThanOrEqual(6)
  })

  test('of a blob that is there ends before anything is sent', async () => {
    await put(large)
    await storage.stop()
    await open(chunked)
    const before = fake.requests.length

    await put(large)

    expect(fake.requests.slice(before).map(({ kind }) => kind)).toEqual(['begin', 'metadata'])
  })
})
