import type { TestBlob } from '@caskade/conformance'
import { makeBlob, sourceOf } from '@caskade/conformance'
import type { Digest, StorageEvent } from '@caskade/core'
import { onStorageEvent, readerFromChunks } from '@caskade/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { closedConnections } from './fake-buckets.fixture.ts'
import type { GcsOptions } from './index.ts'
import { GcsStorage } from './index.ts'
import type { FakeFault } from './testing/index.ts'
import { FakeGcs, inTurn } from './testing/index.ts'

let fake: FakeGcs
let storage: GcsStorage
let waits: number[]

async function open(options: Omit<GcsOptions, 'bucket'> = {}): Promise<GcsStorage> {
  waits = []
  storage = new GcsStorage({
    bucket: fake.bucket(),
    random: () => 0.5,
    wait: async (delayMs, signal) => {
      signal?.throwIfAborted()
      waits.push(delayMs)
    },
    ...options,
  })
  await storage.start()
  return storage
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

async function read(digest: Digest): Promise<Uint8Array | undefined> {
  return (await storage.getBlob(digest))?.bytes()
}

/** How many requests of each kind came since a count. */
function kindsSince(count: number): string {
  return fake.requests
    .slice(count)
    .map(({ kind }) => kind)
    .join(' ')
}

const small = makeBlob(1, 1000)
const medium = makeBlob(2, 300_000)

describe('an answer that is no answer', () => {
  test.each([
    ['a missing bucket', 404, 'The specified bucket does not exist.', 'unknown', /no bucket "bucket"/],
    ['a refusal', 403, 'x does not have storage.objects.get access', 'permission-denied', /roles\/storage\.objectUser/],
    ['credentials that are refused', 401, 'Invalid Credentials', 'permission-denied', /credentials were refused/],
    ['a bad request', 400, 'Invalid argument', 'unknown', /400: Invalid argument/],
    ['a full quota', 429, 'Too many requests', 'unavailable', /429/],
    ['a broken service', 500, 'Backend Error', 'unavailable', /Backend Error/],
    ['a timeout of the service', 408, 'Request Timeout', 'unavailable', /408/],
  ])('%s never reads as absence, and is told apart', async (_, status, message, code, text) => {
    await put(small)
    fake.plan = ({ kind }) => (kind === 'delete' ? undefined : { type: 'status', status, message })
    await storage.stop()
    await open()

    for (const ask of [
      () => storage.hasBlob(small.digest),
      () => storage.getBlob(small.digest),
      () => storage.missingBlobs([small.digest]),
      () => storage.resolveHash(small.digest.hash),
      () => storage.bulkReadBlobs([small.digest]),
      () => Array.fromAsync(storage.listBlobs()),
      () => put(medium),
    ]) {
      await expect(ask()).rejects.toMatchObject({ name: 'StorageError', code })
    }
    await expect(storage.hasBlob(small.digest)).rejects.toThrow(text)
    expect((await storage.bulkUpdateBlobs([[small.digest, small.bytes]])).map((each) => each.code)).toEqual([code])
  })

  test('a 404 that names neither object nor bucket is settled by asking for the bucket', async () => {
    fake.plan = ({ kind }) => (kind === 'list' ? undefined : { type: 'status', status: 404, message: 'Not Found' })

    expect(await storage.hasBlob(small.digest)).toBe(false)

    await storage.stop()
    await open()
    fake.plan = () => ({ type: 'status', status: 404, message: 'Not Found' })
    await expect(storage.hasBlob(small.digest)).rejects.toThrow(/no bucket/)
  })

  test('what is no JSON is asked again, and given up as unavailable', async () => {
    await put(small)
    await storage.stop()
    await open({ maxRetries: 2 })
    fake.plan = inTurn('metadata', { type: 'garbage' }, { type: 'garbage' })
    expect(await storage.hasBlob(small.digest)).toBe(true)

    fake.plan = () => ({ type: 'garbage' })
    await expect(storage.resolveHash(small.digest.hash)).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('repeating', () => {
  test('waits longer each time, for what the service asks for, and no longer than its bounds', async () => {
    const retryAfter = new Date(Date.now() + 3_600_000).toUTCString()
    fake.plan = inTurn(
      'metadata',
      { type: 'status', status: 503 },
      { type: 'status', status: 503 },
      { type: 'status', status: 429, headers: { 'retry-after': '7' } },
      { type: 'status', status: 503, headers: { 'retry-after': retryAfter } },
    )

    expect(await storage.hasBlob(small.digest)).toBe(false)

    expect(waits).toEqual([100, 200, 7000, 30_000])
  })

  test('ends after as many failures, and after as much waiting, as it may', async () => {
    fake.plan = () => ({ type: 'status', status: 503 })
    await expect(storage.hasBlob(small.digest)).rejects.toMatchObject({ code: 'unavailable' })
    expect(waits).toHaveLength(6)

    await storage.stop()
    await open({ maxRetries: 1000, maxRetryMs: 1000 })
    await expect(storage.hasBlob(small.digest)).rejects.toMatchObject({ code: 'unavailable' })
    expect(waits).toEqual([100, 200, 400])
  })

  test('is ended at once by its signal, with the reason itself', async () => {
    await storage.stop()
    const controller = new AbortController()
    const reason = new Error('enough')
    await open({
      wait: (_, signal) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason as Error))
          controller.abort(reason)
        }),
    })
    fake.plan = () => ({ type: 'status', status: 503 })

    await expect(storage.hasBlob(small.digest, { signal: controller.signal })).rejects.toBe(reason)
  })

  test('renews a token that is refused, once', async () => {
    await storage.stop()
    const tokens = ['old', 'token']
    const bucket = fake.bucket()
    const client = { credentials: { expiry_date: 1e15 } }
    const authClient = {
      getRequestHeaders: async () => {
        if (client.credentials.expiry_date === 1) tokens.shift()
        return new Headers({ authorization: `Bearer ${tokens[0]}` })
      },
      getClient: async () => client,
    }
    storage = new GcsStorage({ bucket: { ...bucket, storage: { ...bucket.storage, authClient } } })
    await storage.start()

    await Promise.all([put(small), put(medium), storage.hasBlob(small.digest)])

    expect(await read(small.digest)).toEqual(Buffer.from(small.bytes))
    expect(tokens).toEqual(['token'])
  })
})

describe('a write', () => {
  test.each<[string, FakeFault]>([
    ['has effect and loses its answer', { type: 'reset-after' }],
    ['has effect and is answered 503', { type: 'status-after', status: 503 }],
    ['is answered before its body was read', { type: 'early-status', status: 503 }],
    ['loses its connection while it is sent', { type: 'reset-while-sending', afterBytes: 100_000 }],
    ['is answered with garbage', { type: 'garbage' }],
    ['is answered byte by byte', { type: 'tiny-pieces' }],
    ['is answered in part', { type: 'break-body', afterBytes: 20 }],
    ['is said to have another checksum', { type: 'wrong-crc32c' }],
    ['arrives damaged', { type: 'flip-uploaded-bit' }],
  ])('that %s is made once and whole', async (_, fault) => {
    for (const blob of [small, medium]) {
      fake.plan = inTurn('insert', fault)

      await put(blob)

      expect(Buffer.compare((await read(blob.digest)) ?? Buffer.alloc(0), blob.bytes)).toBe(0)
      expect(await Array.fromAsync(storage.listBlobs(), ({ digest }) => digest)).toContainEqual(blob.digest)
    }
    expect(fake.objects.all).toHaveLength(2)
  })

  test('that is answered 412 before its body was read is done, and stops reading its source', async () => {
    await put(medium)
    let hasEnded = false
    async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
      try {
        yield medium.bytes.subarray(0, 1000)
        await new Promise(() => undefined)
      } finally {
        hasEnded = true
      }
    }
    fake.plan = inTurn('insert', { type: 'early-status', status: 412 })

    const { sizeBytes } = medium.digest
    await storage.commitWrite(medium.digest, { sizeBytes, open: () => readerFromChunks(sizeBytes, chunks()) })

    expect(hasEnded).toBe(false)
    expect(fake.objects.all).toHaveLength(1)
  })

  test('of content that is not what the digest says is refused, and never complete', async () => {
    for (const blob of [small, medium, makeBlob(3, 2_000_000)]) {
      const other = makeBlob(9, blob.digest.sizeBytes)
      await storage.stop()
      await open({ maxSingleUploadBytes: 1_000_000, uploadChunkBytes: 262_144 })

      await expect(storage.commitWrite(blob.digest, sourceOf(other))).rejects.toMatchObject({
        code: 'invalid-argument',
      })
    }
    expect(fake.objects.all).toEqual([])
  })

  test('replaces an object that is not the blob, which is reported', async () => {
    await put(small)
    const name = fake.objects.all[0]?.name ?? ''
    for (const content of [Buffer.alloc(999), Buffer.alloc(1000)]) {
      fake.objects.replace(name, { content })

      const events = await eventsDuring(() => put(small))

      expect(events.map(({ kind }) => kind)).toEqual(['corrupt'])
      expect(await read(small.digest)).toEqual(Buffer.from(small.bytes))
    }
    fake.objects.replace(name, { content: Buffer.alloc(1000), contentEncoding: 'gzip' })
    await storage.stop()
    await open()
    expect(await storage.hasBlob(small.digest)).toBe(false)
    expect(await storage.getBlob(small.digest)).toBe(null)
    await put(small)
    expect(await read(small.digest)).toEqual(Buffer.from(small.bytes))
  })

  test('takes one request', async () => {
    await put(small)
    await put(medium)

    expect(kindsSince(0)).toBe('insert insert')
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
