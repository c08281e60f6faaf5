import { ShardedStorage, StorageError } from '@caskade/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TestBlob } from './index.ts'
import { makeBlob, makeBlobs, sourceOf } from './index.ts'
import { ObservedStorage } from './observed-storage.fixture.ts'

const unavailable = new StorageError('unavailable', 'try again later')

let east: ObservedStorage
let west: ObservedStorage
let storage: ShardedStorage
/** Blobs that belong to one shard each. */
let eastern: TestBlob[]
let western: TestBlob[]

beforeEach(async () => {
  east = new ObservedStorage()
  west = new ObservedStorage()
  storage = new ShardedStorage({ shards: { east, west } })
  await storage.start()
  const blobs = makeBlobs(40, 100)
  await storage.bulkUpdateBlobs(pairs(blobs))
  eastern = blobs.filter(({ digest }) => east.holds(digest))
  western = blobs.filter(({ digest }) => west.holds(digest))
  for (const shard of [east, west]) {
    shard.blobs.clear()
    shard.bulkCalls = []
  }
})

afterEach(() => storage.stop())

describe('ShardedStorage', () => {
  test('gives each shard one bulk call with what it owns, and answers in the order asked', async () => {
    const blobs = interleaved(eastern, western)
    const digests = digestsOf(blobs)

    const statuses = await storage.bulkUpdateBlobs(pairs(blobs))
    await storage.deleteBlob(firstOf(western).digest)
    const missing = await storage.missingBlobs(digests)
    const read = await storage.bulkReadBlobs(digests)
    const undeleted = await storage.bulkDelete(digests)

    expect(statuses.map(({ code }) => code)).toEqual(blobs.map(() => 'ok'))
    expect(missing).toEqual([firstOf(western).digest])
    expect(read.size).toBe(blobs.length - 1)
    expect(undeleted).toEqual([])
    for (const [shard, owned] of [[east, eastern] as const, [west, western] as const]) {
      const methods = ['bulkUpdateBlobs', 'missingBlobs', 'bulkReadBlobs', 'bulkDelete']
      expect(shard.bulkCalls).toEqual(methods.map((method) => `${method} ${owned.length}`))
    }
  })

  test('asks no shard in bulk that owns nothing of it, and answers duplicates', async () => {
    await storage.bulkUpdateBlobs(pairs(eastern.slice(0, 1)))
    const asked = digestsOf([eastern[1], eastern[0], eastern[1]])

    expect(await storage.missingBlobs(asked)).toEqual(digestsOf([eastern[1], eastern[1]]))
    expect(west.bulkCalls).toEqual([])
  })

  test('a shard that fails makes what it owns fail, and nothing else', async () => {
    await storage.bulkUpdateBlobs(pairs([...eastern, ...western]))
    const [here, gone] = [firstOf(eastern), firstOf(western)]
    west.failure = unavailable

    expect(await storage.hasBlob(here.digest)).toBe(true)
    expect(await storage.missingBlobs(digestsOf(eastern))).toEqual([])
    await expect(storage.hasBlob(gone.digest)).rejects.toBe(unavailable)
    await expect(storage.getBlob(gone.digest)).rejects.toBe(unavailable)
    await expect(storage.resolveHash(gone.digest.hash)).rejects.toBe(unavailable)
    await expect(storage.deleteBlob(gone.digest)).rejects.toBe(unavailable)
    await expect(storage.commitWrite(gone.digest, sourceOf(gone))).rejects.toBe(unavailable)
    await expect(storage.missingBlobs(digestsOf([here, gone]))).rejects.toBe(unavailable)
    await expect(storage.bulkReadBlobs(digestsOf([here, gone]))).rejects.toBe(unavailable)
    await expect(Array.fromAsync(storage.listBlobs())).rejects.toBe(unavailable)
  })

  test('a shard that fails as a whole fails its items of bulkUpdateBlobs and bulkDelete, and no others', async () => {
    const blobs = interleaved(eastern, western)
    west.failure = unavailable

    const statuses = await storage.bulkUpdateBlobs(pairs(blobs))
    const failed = await storage.bulkDelete(digestsOf(blobs))

    expect(statuses).toEqual(
      blobs.map((blob) =>
        eastern.includes(blob) ? { code: 'ok' } : { code: 'unavailable', message: 'try again later' },
      ),
    )
    expect(failed).toEqual(blobs.filter((blob) => western.includes(blob)).map(({ digest }) => `${digest.hash}/100`))
    expect(east.blobs.size).toBe(0)
  })

  test('a shard that was stopped by others ends a bulk call as a whole, and so does an abort', async () => {
    const blobs = interleaved(eastern, western)
    await west.stop()
    await expect(storage.bulkUpdateBlobs(pairs(blobs))).rejects.toMatchObject({ code: 'not-running' })
    await expect(storage.bulkDelete(digestsOf(blobs))).rejects.toMatchObject({ code: 'not-running' })
    await west.start()

    const controller = new AbortController()
    const reason = new Error('enough')
    west.onCommit = async () => controller.abort(reason)
    const { signal } = controller

    await expect(storage.bulkUpdateBlobs(pairs(blobs), { signal })).rejects.toBe(reason)
    await expect(storage.bulkDelete(digestsOf(blobs), { signal })).rejects.toBe(reason)
  })

  test('lists nothing that lies where no read looks for it', async () => {
    const [misplaced, placed] = [firstOf(eastern), firstOf(western)]
    await west.bulkUpdateBlobs(pairs([misplaced, placed]))

    expect(await storage.hasBlob(misplaced.digest)).toBe(false)
    expect(await Array.fromAsync(storage.listBlobs())).toEqual([{ digest: placed.digest }])
  })

  test('starts the shards in order, stops them in reverse, and those that had started when one does not start', async () => {
    const log: string[] = []
    const shards = { a: new ObservedStorage(), b: new ObservedStorage(), c: new ObservedStorage() }
    for (const [name, shard] of Object.entries(shards)) Object.assign(shard, { log, name })
    const composite = new ShardedStorage({ shards: { ...shards, again: shards.a } })

    await composite.start()
    await composite.stop()
    expect(log.splice(0).join(' ')).toBe('+a +b +c -c -b -a')

    shards.c.failsToStart = true
    await expect(composite.start()).rejects.toThrow('cannot start')
    expect(log.join(' ')).toBe('+a +b -b -a')
  })

  test.each([
    [{ shards: {} }, /needs at least one shard/],
    [{ weights: { east: 1, north: 1 } }, /weights names "north", which is not a shard; they are: east, west/],
    [{ previousWeights: { north: 1 } }, /previousWeights names "north"/],
    [{ weights: { toString: 1 } }, /weights names "toString"/],
    [{ weights: { east: -1 } }, /weight of "east" in weights must be a finite number of at least 0, not -1/],
    [{ weights: { east: Number.NaN } }, /not NaN/],
    [{ previousWeights: { west: Number.POSITIVE_INFINITY } }, /"west" in previousWeights .* not Infinity/],
    [{ weights: { east: 0, west: 0 } }, /weights: every shard has weight 0/],
    [{ previousWeights: {} }, /previousWeights: every shard has weight 0/],
  ])('refuses %j', (options, message) => {
    const make = (): ShardedStorage => new ShardedStorage({ shards: { east, west }, ...options })

    expect(make).toThrow(message)
    expect(make).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
  })
})

function firstOf([blob]: readonly TestBlob[]): TestBlob {
  return blob ?? makeBlob(0, 0)
}

function interleaved(left: readonly TestBlob[], right: readonly TestBlob[]): TestBlob[] {
  return Array.from({ length: Math.max(left.length, right.length) }, (_, index) => [left[index], right[index]])
    .flat()
    .filter((blob) => blob !== undefined)
}

function digestsOf(blobs: readonly (TestBlob | undefined)[]): TestBlob['digest'][] {
  return blobs.flatMap((blob) => (blob === undefined ? [] : [blob.digest]))
}

function pairs(blobs: readonly TestBlob[]): (readonly [TestBlob['digest'], Uint8Array])[] {
  return blobs.map(({ digest, bytes }) => [digest, bytes])
}
