import type { TestBlob } from '@caskade/conformance'
import { makeBlob, makeBlobs, sourceOf } from '@caskade/conformance'
import type { StorageEvent } from '@caskade/core'
import { mapLimit, onStorageEvent, readerFromChunks } from '@caskade/core'
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

const small = makeBlob(1, 1000)
const medium = makeBlob(2, 300_000)

describe('content', () => {
  test.each<[string, FakeFault]>([
    ['breaks off', { type: 'break-body', afterBytes: 333 }],
    ['breaks off before its first byte', { type: 'break-body', afterBytes: 0 }],
    ['is shorter than it should be, and says so', { type: 'shorten-body', afterBytes: 500 }],
    ['is answered with 503', { type: 'status', status: 503 }],
    ['comes byte by byte', { type: 'tiny-pieces' }],
  ])('that %s is read again, or on, and never dropped', async (_, fault) => {
    const events = await eventsDuring(async () => {
      for (const blob of [small, makeBlob(4, 60_000)]) {
        await put(blob)
        fake.plan = inTurn('media', fault)

        await assertReads(blob)
      }
    })

    expect(events).toEqual([])
    expect(fake.objects.all).toHaveLength(2)
  })

  // What has the wrong hash is known to be whole where it is stored; it is for the caller to ask again.
  test.each<[string, FakeFault]>([
    ['is longer than it should be', { type: 'lengthen-body' }],
    ['arrives with a wrong bit', { type: 'flip-bit' }],
  ])('that %s is not delivered, and never dropped', async (_, fault) => {
    const events = await eventsDuring(async () => {
      for (const blob of [small, medium]) {
        await put(blob)
        fake.plan = inTurn('media', fault)

        const reading = storage.getBlob(blob.digest).then((reader) => reader?.bytes())

        await expect(reading).rejects.toMatchObject({ code: 'unavailable' })
        await assertReads(blob)
      }
    })

    expect(events).toEqual([])
    expect(fake.objects.all).toHaveLength(2)
  })

  test('of a large blob goes on at the byte that it reached, of the same generation, however often it breaks off', async () => {
    await put(medium)
    const broken = Array.from({ length: 20 }, (_, index) => ({ type: 'break-body', afterBytes: 100 * index }) as const)
    fake.plan = inTurn('media', ...broken)
    const before = fake.requests.length

    await assertReads(medium)

    const [first, ...resumed] = fake.requests
      .slice(before)
      .map(({ url, headers }) => ({ url, range: headers['range'] }))
    expect(first?.range).toBeUndefined()
    for (const { url, range } of resumed) {
      expect(url).toContain(`generation=${fake.objects.all[0]?.generation}`)
      expect(range === undefined || /^bytes=\d+-299999$/.test(String(range))).toBe(true)
    }
  })

  test('that breaks off and was replaced or removed since fails, and is never shorter or mixed', async () => {
    await put(medium)
    fake.plan = ({ kind, headers }) =>
      kind === 'media' && headers['range'] === undefined ? { type: 'break-body', afterBytes: 100_000 } : undefined
    const reader = await storage.getBlob(medium.digest)
    const name = fake.objects.all[0]?.name ?? ''
    fake.objects.replace(name, { content: Buffer.from(makeBlob(7, 300_000).bytes) })

    await expect(reader?.bytes()).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('in parts is read on as well', async () => {
    await put(medium)
    fake.plan = inTurn('media', { type: 'break-body', afterBytes: 10_000 }, { type: 'status', status: 500 })

    const reader = await storage.getBlob(medium.digest, { offset: 1000, length: 200_000 })

    expect(Buffer.compare((await reader?.bytes()) ?? Buffer.alloc(0), medium.bytes.subarray(1000, 201_000))).toBe(0)
  })

  test('is refused where the service sends all of it instead of a part', async () => {
    await put(medium)
    fake.plan = ({ kind }) => (kind === 'media' ? { type: 'ignore-range' } : undefined)

    await expect(storage.getBlob(medium.digest, { offset: 5, length: 10 })).rejects.toMatchObject({
      code: 'unavailable',
    })
  })

  test('that is damaged where it is stored is dropped in the generation that was read, and no other', async () => {
    for (const blob of [small, medium]) {
      await put(blob)
      const name = fake.objects.all.at(-1)?.name ?? ''
      fake.objects.damage(name, (content) => content.fill(1, 10, 20))
      // Somebody writes it anew between the reading and the dropping.
      fake.plan = ({ kind }) => {
        if (kind === 'delete') fake.objects.replace(name, { content: Buffer.from(blob.bytes) })
        return undefined
      }

      const reading = storage.getBlob(blob.digest).then((reader) => reader?.bytes())

      await expect(reading).rejects.toMatchObject({ code: 'corrupt' })
      await assertReads(blob)
    }
  })
})

describe('connections', () => {
  test('that stall while somebody waits are given up, and what was asked is asked again', async () => {
    await put(small)
    await put(medium)
    await storage.stop()
    await open({ idleTimeoutMs: 250 })
    const { promise: until, resolve: release } = Promise.withResolvers<void>()
    fake.plan = inTurn('media', { type: 'stall', until }, { type: 'stall-body', afterBytes: 100_000, until })

    await assertReads(medium)
    fake.plan = inTurn('metadata', { type: 'stall', until })
    expect(await storage.resolveHash(small.digest.hash)).toEqual(small.digest)
    fake.plan = inTurn('insert', { type: 'stall', until })
    await put(makeBlob(5, 5000))
    release()
  })

  test('of readers that nobody reads are given up and taken up again', async () => {
    await put(medium)
    await storage.stop()
    await open({ idleTimeoutMs: 250, maxConnections: 2 })
    const unread = await Promise.all([1, 2].map(() => storage.getBlob(medium.digest)))

    // Both connections are taken by readers that wait to be read.
    expect(await storage.resolveHash(medium.digest.hash)).toEqual(medium.digest)
    for (const reader of unread) {
      expect(Buffer.compare((await reader?.bytes()) ?? Buffer.alloc(0), medium.bytes)).toBe(0)
    }
  })

  test('of a source that is slow are not given up', async () => {
    await storage.stop()
    await open({ idleTimeoutMs: 1000, maxRetries: 0 })
    const { promise: until, resolve: release } = Promise.withResolvers<void>()
    fake.plan = ({ kind }) => (kind === 'metadata' ? { type: 'stall', until } : undefined)
    async function* slowly(): AsyncGenerator<Uint8Array, void, undefined> {
      yield medium.bytes.subarray(0, 1000)
      // Longer than the idle timeout, which others meet meanwhile.
      for (let time = 0; time < 2; time++) {
        await expect(storage.resolveHash(medium.digest.hash)).rejects.toMatchObject({ code: 'unavailable' })
      }
      yield medium.bytes.subarray(1000)
    }
    const { sizeBytes } = medium.digest

    await storage.commitWrite(medium.digest, {
      sizeBytes,
      open: (options) => readerFromChunks(sizeBytes, slowly(), options),
    })

    release()

    expect(fake.requests.filter(({ kind }) => kind === 'insert')).toHaveLength(1)
    await assertReads(medium)
  })

  test('are no more than allowed, for a thousand reads at once, and all go back to use', async () => {
    await storage.stop()
    await open({ maxConnections: 16, existenceCacheMs: 0 })
    const blobs = [...makeBlobs(20, 5000), ...makeBlobs(5, 150_000, 100)]
    await mapLimit(blobs, 8, put)

    await Promise.all(Array.from({ length: 1000 }, (_, index) => assertReads(blobs[index % blobs.length] ?? small)))

    expect(fake.peakSockets).toBeLessThanOrEqual(16)
  })

  test('that are aborted close, and no other does', async () => {
    await put(medium)
    const { promise: until, resolve: release } = Promise.withResolvers<void>()
    fake.plan = ({ kind, headers }) =>
      kind === 'media' && headers['range'] === undefined ? { type: 'stall-body', afterBytes: 70_000, until } : undefined
    const reason = new Error('enough')
    const controllers = Array.from({ length: 10 }, () => new AbortController())
    const reading = controllers.map(async ({ signal }) => (await storage.getBlob(medium.digest, { signal }))?.bytes())
    const other = storage.getBlob(medium.digest).then((reader) => reader?.bytes())
    for (const each of [...reading, other]) each.catch(() => undefined)
    while (fake.openSockets < 11) await new Promise((resolve) => setImmediate(resolve))

    for (const controller of controllers) controller.abort(reason)
    for (const each of reading) await expect(each).rejects.toBe(reason)
    while (fake.openSockets > 1) await new Promise((resolve) => setImmediate(resolve))
    release()

    expect(Buffer.compare((await other) ?? Buffer.alloc(0), medium.bytes)).toBe(0)
  })

  test('that were idle and are closed by the service cost nobody anything', async () => {
    await put(small)
    for (let round = 0; round < 5; round++) {
      fake.dropConnections()
      await assertReads(small)
    }
  })
})

async function eventsDuring(body: () => Promise<unknown>): Promise<StorageEvent[]> {
  const events: StorageEvent[] = []
  const endListening = onStorageEvent((event) => events.push(event))
  try {
    await body()
  } finally {
    endListening()
  }
  return events
}
