import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BlobReader, StorageEvent } from '@caskade/core'
import { onStorageEvent, StorageError, WithCacheStorage } from '@caskade/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { assertSameBytes, readChunks } from '../assertions.ts'
import type { TestBlob } from '../index.ts'
import { gatedSource } from '../test-blob.ts'
import { CHUNK_BYTES, fallbackReached, inChunks, withChunks } from './chunked-content.fixture.ts'
import { failingReaders, FaultyStorage, makeBlob, on, ReferenceStorage, sourceOf } from '../index.ts'

let spoolDirectory: string
let cache: ReferenceStorage
let fallback: FaultyStorage
let storage: WithCacheStorage
let events: StorageEvent[]
let endListening: () => void

beforeEach(async () => {
  events = []
  endListening = onStorageEvent((event) => events.push(event))
  spoolDirectory = mkdtempSync(join(tmpdir(), 'caskade-spool-'))
  cache = new ReferenceStorage()
  fallback = new FaultyStorage(new ReferenceStorage(), inChunks())
  storage = new WithCacheStorage({ cache, fallback, spoolDirectory })
  await storage.start()
})

afterEach(async () => {
  await storage.stop()
  endListening()
  const left = readdirSync(spoolDirectory)
  rmSync(spoolDirectory, { recursive: true })
  if (left.length > 0) throw new Error(`left in the spool folder: ${left.join(', ')}`)
})

describe('a read of what the cache has not', () => {
  test('hands out the first bytes before the last ones have arrived, and fills the cache', async () => {
    const blob = await stored(makeBlob(1, 10 * CHUNK_BYTES))
    const gate = Promise.withResolvers<void>()
    fallback.plan = inChunks({ 5: gate.promise })

    const reader = await open(blob)
    const iterator = reader[Symbol.asyncIterator]()
    const first = await iterator.next()
    gate.resolve()
    const chunks = [first.value as Uint8Array]
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) chunks.push(next.value)
    await settled()

    assertSameBytes(Buffer.concat(chunks), blob.bytes, 'getBlob')
    expect(cache.blobs.has(blob.digest.hash)).toBe(true)
  })

  test('is shared by 1,000 who ask at the same time, and by those who come while it lasts', async () => {
    const blob = await stored(makeBlob(1, 3_000_000))
    const gate = Promise.withResolvers<void>()
    fallback.plan = inChunks({ 20: gate.promise })

    const early = Array.from({ length: 1000 }, async () => (await open(blob)).bytes())
    await fallbackReached()
    const late = Array.from({ length: 10 }, async () => (await open(blob)).bytes())
    gate.resolve()

    for (const bytes of await Promise.all([...early, ...late])) assertSameBytes(bytes, blob.bytes, 'getBlob')
    expect(fallback.calls).toEqual({ getBlob: 1 })
  })

  test('waits for nobody: a reader that stalls has its bytes on disk when it goes on', async () => {
    const blob = await stored(makeBlob(1, 8_000_000))
    const slow = (await open(blob))[Symbol.asyncIterator]()
    const chunks = [(await slow.next()).value as Uint8Array]

    assertSameBytes(await (await open(blob)).bytes(), blob.bytes, 'a fast reader')
    for (let next = await slow.next(); next.done !== true; next = await slow.next()) chunks.push(next.value)

    assertSameBytes(Buffer.concat(chunks), blob.bytes, 'a slow reader')
    expect(fallback.calls).toEqual({ getBlob: 1 })
  })

  test('goes on for the others when a reader leaves', async () => {
    const blob = await stored(makeBlob(1, 10 * CHUNK_BYTES))
    const gate = Promise.withResolvers<void>()
    fallback.plan = inChunks({ 5: gate.promise })
    const [staying, leaving] = [await open(blob), await open(blob)]

    for await (const _ of leaving) break
    gate.resolve()

    assertSameBytes(await readChunks(staying), blob.bytes, 'getBlob')
    await settled()
    expect(cache.blobs.has(blob.digest.hash)).toBe(true)
  })

  test('ends when the last reader leaves, and leaves nothing in the cache', async () => {
    const blob = await stored(makeBlob(1, 10 * CHUNK_BYTES))
    const ended = Promise.withResolvers<void>()
    fallback.plan = inChunks({ 5: new Promise(() => undefined) }, ended.resolve)
    const readers = [await open(blob), await open(blob)]

    await readers[0]?.[Symbol.asyncDispose]()
    for await (const _ of readers[1] ?? []) break

    await ended.promise
    await settled()
    expect(cache.blobs.size).toBe(0)
    fallback.plan = inChunks()
    assertSameBytes(await readChunks(await open(blob)), blob.bytes, 'the next read')
  })

  test('fails those who had a part of it when the fallback fails, and reads it again for those who had nothing', async () => {
    const blob = await stored(makeBlob(1, 10 * CHUNK_BYTES))
    const gone = new StorageError('unavailable', 'gone')
    const gate = Promise.withResolvers<void>()
    const failingHalfWay = withChunks(failingReaders(5 * CHUNK_BYTES, gone), { 3: gate.promise })
    fallback.plan = on({ methods: ['getBlob'], call: 1 }, failingHalfWay)
    const [begun, waiting] = [await open(blob), await open(blob)]
    const iterator = begun[Symbol.asyncIterator]()
    await iterator.next()

    const outcome = drain(iterator)
    gate.resolve()

    await expect(outcome).rejects.toBe(gone)
    assertSameBytes(await readChunks(waiting), blob.bytes, 'a reader that had nothing')
    expect(fallback.calls).toEqual({ getBlob: 2 })
    await settled()
    expect(cache.blobs.size).toBe(0)
  })

  test('goes on at the pace of the slowest when there is nowhere to spool', async () => {
    const blob = await stored(makeBlob(1, 8_000_000))
    rmSync(spoolDirectory, { recursive: true })

    const [left, right] = await Promise.all([open(blob), open(blob)])
    const [first, second] = await Promise.all([readChunks(left), readChunks(right)])

    assertSameBytes(first, blob.bytes, 'one reader')
    assertSameBytes(second, blob.bytes, 'another reader')
    expect(events.map(({ kind }) => kind)).toContain('spool-failure')
    spoolDirectory = mkdtempSync(join(tmpdir(), 'caskade-spool-'))
  })

  test('finds nothing for everybody when there is nothing', async () => {
    const blob = makeBlob(1, 1000)

    const readers = await Promise.all(Array.from({ length: 100 }, () => storage.getBlob(blob.digest)))

    expect(new Set(readers)).toEqual(new Set([null]))
    expect(fallback.calls).toEqual({ getBlob: 1 })
  })

  test('delivers and caches nothing whole that is not what its digest says', async () => {
    const blob = await stored(makeBlob(1, 10 * CHUNK_BYTES))
    fallback.plan = withChunks({
      async *content(chunks) {
        for await (const chunk of chunks) yield Uint8Array.from(chunk, (byte) => byte ^ 1)
      },
    })

    const reader = await open(blob)

    await expect(reader.bytes()).rejects.toMatchObject({ code: 'corrupt' })
    await settled()
    expect(cache.blobs.size).toBe(0)
    expect(events).toMatchObject([{ kind: 'corrupt', storageType: 'WithCache' }])
  })
})

describe('a write', () => {
  test('is visible in the cache only once the fallback has it', async () => {
    const blob = makeBlob(1, 200_000)
    const gate = Promise.withResolvers<void>()
    fallback.plan = on('commitWrite', { before: () => gate.promise })

    const writing = storage.commitWrite(blob.digest, sourceOf(blob))
    await new Promise(setImmediate)
    expect(cache.blobs.size).toBe(0)
    gate.resolve()
    await writing

    expect(cache.blobs.has(blob.digest.hash)).toBe(true)
  })

  test('is found by those who ask after it, though a read that began before it finds nothing', async () => {
    const blob = makeBlob(1, 1000)
    const gate = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    const slowly = { after: () => (reached.resolve(), gate.promise) }
    fallback.plan = on({ methods: ['getBlob'], call: 1 }, slowly)
    const before = storage.getBlob(blob.digest)
    await reached.promise

    await storage.commitWrite(blob.digest, sourceOf(blob))
    const after = await readChunks(await storage.getBlob(blob.digest))
    gate.resolve()

    assertSameBytes(after, blob.bytes, 'getBlob')
    expect(await before).toBeNull()
  })

  test('that the fallback refuses is in neither', async () => {
    const blob = makeBlob(1, 200_000)
    const full = new StorageError('no-space', 'full')
    fallback.plan = on('commitWrite', {
      before: () => {
        throw full
      },
    })

    await expect(storage.commitWrite(blob.digest, sourceOf(blob))).rejects.toBe(full)
    await settled()

    expect(cache.blobs.size).toBe(0)
    expect(events).toEqual([])
  })

  test('reads its source for both at the same time', async () => {
    const blob = makeBlob(1, 200_000)
    const source = gatedSource(blob)
    let opened = 0

    const counting = {
      ...source,
      open: (options?: Parameters<typeof source.open>[0]) => (opened++, source.open(options)),
    }
    const writing = storage.commitWrite(blob.digest, counting)
    await source.reachedGate
    await new Promise(setImmediate)
    const openedAtGate = opened
    source.openGate()
    await writing

    expect(openedAtGate).toBe(2)
  })
})

async function stored(blob: TestBlob): Promise<TestBlob> {
  await fallback.inner.commitWrite(blob.digest, sourceOf(blob))
  return blob
}

async function open({ digest }: TestBlob): Promise<BlobReader> {
  const reader = await storage.getBlob(digest)
  if (reader === null) throw new Error('the blob is not there')
  return reader
}

async function drain(iterator: AsyncIterator<Uint8Array>): Promise<void> {
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next());
}

/** Waits until nothing goes on behind the readers' backs. */
async function settled(): Promise<void> {
  await storage.stop()
  await storage.start()
}
