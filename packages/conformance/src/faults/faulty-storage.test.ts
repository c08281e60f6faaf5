import assert from 'node:assert/strict'
import type { BlobReader } from '@caskade/core'
import { beforeEach, describe, expect, test } from 'vitest'
import { readChunks } from '../assertions.ts'
import {
  failing,
  failingAfterwards,
  failingReaders,
  failingToStart,
  FaultyActionCache,
  FaultyStorage,
  flippingBits,
  hanging,
  hangingAfterwards,
  hangingReaders,
  makeBlob,
  on,
  ReferenceActionCache,
  ReferenceStorage,
  sourceOf,
  together,
  truncating,
  unavailable,
} from '../index.ts'

const blob = makeBlob(1, 1000)
const { digest } = blob

let storage: FaultyStorage

beforeEach(async () => {
  storage = new FaultyStorage(new ReferenceStorage())
  await storage.start()
  return () => storage.stop()
})

async function open(): Promise<BlobReader> {
  const reader = await storage.getBlob(digest)
  assert.ok(reader, 'the blob is not there')
  return reader
}

describe('FaultyStorage', () => {
  test('fails every call while its plan says so, and does nothing meanwhile', async () => {
    storage.plan = failing()

    await expect(storage.commitWrite(digest, sourceOf(blob))).rejects.toMatchObject({ code: 'unavailable' })
    await expect(storage.hasBlob(digest)).rejects.toMatchObject({ code: 'unavailable' })
    storage.plan = {}

    expect(await storage.hasBlob(digest)).toBe(false)
  })

  test('fails the nth call of one method with an error of the caller’s choice', async () => {
    const error = new Error('the disk is on fire')
    storage.plan = on({ methods: ['hasBlob'], call: 2 }, failing(error))

    expect(await storage.hasBlob(digest)).toBe(false)
    await expect(storage.hasBlob(digest)).rejects.toBe(error)
    expect(await storage.hasBlob(digest)).toBe(false)
    await storage.commitWrite(digest, sourceOf(blob))
  })

  test('fails from the nth call on, or whatever concerns one blob', async () => {
    const other = makeBlob(2, 10)
    storage.plan = together(
      on({ methods: ['hasBlob'], fromCall: 3 }, failing()),
      on({ name: other.digest.hash }, failing(new Error('that one'))),
    )

    await storage.missingBlobs([digest])
    await expect(storage.missingBlobs([digest, other.digest])).rejects.toThrow('that one')
    for (let round = 0; round < 2; round++) await storage.hasBlob(digest)
    for (let round = 0; round < 2; round++) {
      await expect(storage.hasBlob(digest)).rejects.toMatchObject({ code: 'unavailable' })
    }
  })

  test('fails after the operation took effect', async () => {
    storage.plan = on('commitWrite', failingAfterwards())

    await expect(storage.commitWrite(digest, sourceOf(blob))).rejects.toMatchObject({ code: 'unavailable' })

    expect(await storage.hasBlob(digest)).toBe(true)
  })

  test('counts calls, failed ones too, until it is told to begin anew', async () => {
    storage.plan = on({ methods: ['hasBlob'], call: 1 }, failing())
    await expect(storage.hasBlob(digest)).rejects.toThrow('try again')
    await storage.hasBlob(digest)
    await storage.missingBlobs([digest])
    expect(storage.calls).toEqual({ hasBlob: 2, missingBlobs: 1 })

    storage.forgetCalls()

    expect(storage.calls).toEqual({})
    await expect(storage.hasBlob(digest)).rejects.toThrow('try again')
  })

  test('hangs until it is released', async () => {
    const plan = hanging()
    storage.plan = on('commitWrite', plan)

    const writing = storage.commitWrite(digest, sourceOf(blob))
    expect(await plan.reached).toMatchObject({ method: 'commitWrite', number: 1, names: [digest.hash] })
    expect(await storage.inner.hasBlob(digest)).toBe(false)
    plan.release()
    await writing

    expect(plan.waiting.size).toBe(0)
    expect(await storage.hasBlob(digest)).toBe(true)
    await storage.commitWrite(digest, sourceOf(blob))
  })

  test('hangs after the operation took effect', async () => {
    const plan = hangingAfterwards()
    storage.plan = on('commitWrite', plan)

    const writing = storage.commitWrite(digest, sourceOf(blob))
    await plan.reached

    expect(await storage.hasBlob(digest)).toBe(true)
    plan.release()
    await writing
  })

  test('a call that hangs ends with the reason of its signal', async () => {
    const plan = hanging()
    storage.plan = plan
    const controller = new AbortController()
    const reason = new Error('enough')

    const asking = storage.hasBlob(digest, { signal: controller.signal })
    await plan.reached
    controller.abort(reason)

    await expect(asking).rejects.toBe(reason)
    expect(plan.waiting.size).toBe(0)
  })

  test('does not start, and does not stop, when its plan says so', async () => {
    const other = new FaultyStorage(new ReferenceStorage(), together(failingToStart(), hanging()))
    await expect(other.start()).rejects.toMatchObject({ code: 'unavailable' })
    other.plan = { onStop: () => Promise.reject(unavailable()) }
    await other.start()

    await expect(other.stop()).rejects.toMatchObject({ code: 'unavailable' })

    await expect(other.inner.hasBlob(digest)).rejects.toMatchObject({ code: 'not-running' })
  })
})

describe('the content of a FaultyStorage', () => {
  beforeEach(() => storage.inner.commitWrite(digest, sourceOf(blob)))

  test('has a bit flipped, in readers and in bulk', async () => {
    storage.plan = flippingBits(700)
    const expected = Uint8Array.from(blob.bytes)
    expected[700] = (expected[700] ?? 0) ^ 1

    expect(Buffer.compare(await readChunks(await open()), expected)).toBe(0)
    expect(Buffer.compare(await (await open()).bytes(), expected)).toBe(0)
    const found = await storage.bulkReadBlobs([digest])
    expect(Buffer.compare(found.get(digest.hash) ?? Buffer.of(), expected)).toBe(0)
    storage.plan = {}
    expect(Buffer.compare(await (await open()).bytes(), blob.bytes)).toBe(0)
  })

  test('ends early although its reader announces all of it', async () => {
    storage.plan = on('getBlob', truncating(10))
    const reader = await open()

    expect(reader.sizeBytes).toBe(1000)
    expect((await reader.bytes()).byteLength).toBe(10)
    expect((await storage.bulkReadBlobs([digest])).get(digest.hash)?.byteLength).toBe(1000)
  })

  test('breaks off with an error after so many bytes', async () => {
    storage.plan = failingReaders(10)
    let received = 0

    const reading = async (): Promise<void> => {
      for await (const chunk of await open()) received += chunk.byteLength
    }

    await expect(reading()).rejects.toMatchObject({ code: 'unavailable' })
    expect(received).toBe(10)
  })

  test('hangs until it is released, and keeps nothing open when nobody waits for it', async () => {
    const plan = hangingReaders()
    storage.plan = plan
    const reading = (await open()).bytes()
    await plan.reached
    const abandoned = await open()
    void abandoned[Symbol.asyncIterator]().next()
    await abandoned[Symbol.asyncDispose]()

    plan.release()

    expect((await reading).byteLength).toBe(1000)
  })
})

test('FaultyActionCache fails, hangs and counts as FaultyStorage does', async () => {
  await using actionCache = new FaultyActionCache(new ReferenceActionCache())
  await actionCache.start()
  const key = { namespace: 'n', key: 'k' }
  const entry = { bytes: new Uint8Array(1), references: [], metadata: {} }
  const plan = hanging()
  actionCache.plan = together(on('update', failingAfterwards()), on({ methods: ['get'], call: 2, name: 'k' }, plan))

  await expect(actionCache.update(key, entry)).rejects.toMatchObject({ code: 'unavailable' })
  expect(await actionCache.get(key)).toMatchObject({ bytes: entry.bytes })
  const getting = actionCache.get(key)
  await plan.reached
  plan.release()

  expect(await getting).toMatchObject({ bytes: entry.bytes })
  expect(actionCache.calls).toEqual({ update: 1, get: 2 })
})
