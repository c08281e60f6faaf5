import { makeBlob, makeBlobs, sourceOf } from '@caskade/conformance'
import type { StorageEvent } from '@caskade/core'
import { onStorageEvent } from '@caskade/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { gcsBackend, type GcsOptions } from './index.ts'
import { FakeGcs, type FakeGcsOptions } from './testing/index.ts'

const HOUR_MS = 3_600_000
const START_MS = Date.UTC(2026, 0, 1)

let fake: FakeGcs
let nowMs: number
let backend: ReturnType<typeof gcsBackend>

async function open(options: Omit<GcsOptions, 'bucket'> = {}): Promise<void> {
  backend = gcsBackend({ bucket: fake.bucket(), now: () => nowMs, wait: async () => undefined, ...options })
  await backend.storage.start()
  await backend.actionCache.start()
}

/** Stops everything, which waits for what is recorded in the background. */
async function close(): Promise<void> {
  await backend.actionCache.stop()
  await backend.storage.stop()
}

async function restart(options: FakeGcsOptions = {}): Promise<void> {
  await close()
  await fake[Symbol.asyncDispose]()
  fake = await FakeGcs.start(options)
  await open()
}

beforeEach(async () => {
  nowMs = START_MS
  fake = await FakeGcs.start()
  await open()
})

afterEach(async () => {
  await close()
  await fake[Symbol.asyncDispose]()
})

const blob = makeBlob(1, 1000)
const key = { namespace: 'n', key: 'k' }

async function put(): Promise<void> {
  await backend.storage.commitWrite(blob.digest, sourceOf(blob))
}

function kinds(): string[] {
  return fake.requests.map(({ kind }) => kind)
}

function count(kind: string): number {
  return kinds().filter((each) => each === kind).length
}

function customTimes(): string[] {
  return fake.objects.all.map(({ customTime }) => customTime ?? '')
}

const uses: Readonly<Record<string, () => Promise<unknown>>> = {
  hasBlob: () => backend.storage.hasBlob(blob.digest),
  missingBlobs: () => backend.storage.missingBlobs([blob.digest]),
  getBlob: async () => (await backend.storage.getBlob(blob.digest))?.bytes(),
  'getBlob of nothing': async () => (await backend.storage.getBlob(blob.digest, { length: 0 }))?.bytes(),
  commitWrite: put,
}

describe('a use', () => {
  describe.each(Object.entries(uses))('by %s', (_, use) => {
    test.each([false, true])(
      'is recorded at most once a day (content says when it was: %s)',
      async (hasCustomTimeHeader) => {
        await restart({ hasCustomTimeHeader })
        await put()
        expect(customTimes()).toEqual([new Date(START_MS).toISOString()])

        nowMs += 23 * HOUR_MS
        await use()
        await use()
        expect(count('patch')).toBe(0)

        nowMs += 2 * HOUR_MS
        for (let time = 0; time < 5; time++) await use()
        await close()
        expect(count('patch')).toBe(1)
        expect(customTimes()).toEqual([new Date(nowMs).toISOString()])
        await open()
      },
    )

    test('is recorded by one who has just started, and not again if another has done so', async () => {
      await put()
      nowMs += 25 * HOUR_MS
      await close()
      await open()
      await use()
      await close()
      expect(customTimes()).toEqual([new Date(nowMs).toISOString()])
      await open()
      await use()
      await close()

      expect(count('patch')).toBe(1)
      await open()
    })

    test('that cannot be recorded costs its caller nothing, and is reported', async () => {
      for (const [status, isReported] of [
        [400, false],
        [412, false],
        [429, false],
        [403, true],
        [503, true],
      ] as const) {
        await put()
        nowMs += 25 * HOUR_MS
        fake.plan = ({ kind }) => (kind === 'patch' ? { type: 'status', status } : undefined)

        const events = await eventsDuring(async () => {
          await use()
          await close()
        })

        expect(events.map((event) => event.kind)).toEqual(isReported ? ['touch-failure'] : [])
        fake.plan = () => undefined
        await open()
        await backend.storage.deleteBlob(blob.digest)
      }
    })
  })

  test('of an entry is recorded together with that of its blobs', async () => {
    await put()
    const entry = { bytes: Buffer.from('v'), references: [blob.digest], metadata: {} }
    await backend.actionCache.update(key, entry)
    nowMs += 25 * HOUR_MS

    await backend.actionCache.get(key)
    await backend.actionCache.get(key)
    await close()

    expect(customTimes()).toEqual([new Date(nowMs).toISOString(), new Date(nowMs).toISOString()])
    expect(count('patch')).toBe(2)
    await open()
  })
})

describe('what is known to be there', () => {
  test('is not asked for again for a while, and never longer', async () => {
    await close()
    await open({ existenceCacheMs: 60_000 })
    await put()
    expect(await backend.storage.hasBlob(blob.digest)).toBe(true)
    expect(await backend.storage.missingBlobs([blob.digest, blob.digest])).toEqual([])
    expect(kinds()).toEqual(['insert'])

    nowMs += 61_000
    expect(await backend.storage.hasBlob(blob.digest)).toBe(true)
    expect(kinds()).toEqual(['insert', 'metadata'])

    nowMs -= 10 * HOUR_MS
    expect(await backend.storage.hasBlob(blob.digest)).toBe(true)
    expect(count('metadata')).toBe(2)
  })

  test('is forgotten when it is deleted here, and when a read finds it gone', async () => {
    await put()
    await backend.storage.deleteBlob(blob.digest)
    expect(await backend.storage.hasBlob(blob.digest)).toBe(false)
    await put()
    fake.objects.clear()

    expect(await backend.storage.getBlob(blob.digest)).toBe(null)

    expect(await backend.storage.hasBlob(blob.digest)).toBe(false)
  })

  test('says nothing about a digest of another size, and a write is made even so', async () => {
    await put()
    const other = { ...blob.digest, sizeBytes: 999 }
    expect(await backend.storage.hasBlob(other)).toBe(false)
    await backend.storage.deleteBlob(other)
    fake.objects.clear()

    await put()

    expect(fake.objects.all).toHaveLength(1)
  })

  test('takes no more room than it may', async () => {
    await close()
    await open({ existenceCacheEntries: 64 })
    const blobs = makeBlobs(300, 10)
    await backend.storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))

    expect(await backend.storage.missingBlobs(blobs.map(({ digest }) => digest))).toEqual([])

    expect(count('metadata')).toBeGreaterThanOrEqual(300 - 64)
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
