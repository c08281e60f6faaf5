import { sizePartitioned, SizePartitionedStorage, StorageError } from '@caskade/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeBlob, makeBlobs, ReferenceActionCache, sourceOf } from './index.ts'
import { ObservedStorage } from './observed-storage.fixture.ts'

const unavailable = new StorageError('unavailable', 'try again later')
const LIMIT = 100

let small: ObservedStorage
let large: ObservedStorage
let storage: SizePartitionedStorage

beforeEach(async () => {
  small = new ObservedStorage()
  large = new ObservedStorage()
  storage = new SizePartitionedStorage({ small, large, maxSmallBytes: LIMIT })
  await storage.start()
})

afterEach(() => storage.stop())

describe('SizePartitionedStorage', () => {
  test('blobs up to the limit are small, all others large', async () => {
    for (const size of [0, LIMIT, LIMIT + 1]) {
      const blob = makeBlob(size, size)
      await storage.commitWrite(blob.digest, sourceOf(blob))
    }

    expect([...small.blobs.values()].map(({ digest }) => digest.sizeBytes)).toEqual([0, LIMIT])
    expect([...large.blobs.values()].map(({ digest }) => digest.sizeBytes)).toEqual([LIMIT + 1])
  })

  test('the limit is 1 MiB when nobody says otherwise', async () => {
    const byDefault = new SizePartitionedStorage({ small, large })
    const mebibyte = 1024 * 1024
    await byDefault.start()

    for (const size of [mebibyte, mebibyte + 1]) {
      const blob = makeBlob(size, size)
      await byDefault.commitWrite(blob.digest, sourceOf(blob))
    }

    expect([small.blobs.size, large.blobs.size]).toEqual([1, 1])
    await byDefault.stop()
  })

  test('bulk calls reach each storage once with what it keeps, and not at all when that is nothing', async () => {
    const [few, many] = [makeBlobs(2, LIMIT + 1), makeBlobs(5, LIMIT)]
    const blobs = [...many, ...few, ...many]
    const digests = blobs.map(({ digest }) => digest)

    const statuses = await storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))
    expect(await storage.missingBlobs(digests)).toEqual([])
    expect((await storage.bulkReadBlobs(digests)).size).toBe(7)
    expect(await storage.bulkDelete(digests)).toEqual([])
    expect(await storage.missingBlobs(few.map(({ digest }) => digest))).toHaveLength(2)

    expect(statuses.map(({ code }) => code)).toEqual(blobs.map(() => 'ok'))
    expect(small.bulkCalls).toEqual(['bulkUpdateBlobs 10', 'missingBlobs 10', 'bulkReadBlobs 10', 'bulkDelete 10'])
    expect(large.bulkCalls).toEqual([
      'bulkUpdateBlobs 2',
      'missingBlobs 2',
      'bulkReadBlobs 2',
      'bulkDelete 2',
      'missingBlobs 2',
    ])
  })

  test('a storage that fails makes what it keeps fail, as errors, and nothing else', async () => {
    const [little, big] = [makeBlob(1, 10), makeBlob(2, LIMIT + 1)]
    large.failure = unavailable

    const statuses = await storage.bulkUpdateBlobs([
      [big.digest, big.bytes],
      [little.digest, little.bytes],
    ])

    expect(statuses.map(({ code }) => code)).toEqual(['unavailable', 'ok'])
    expect(await storage.hasBlob(little.digest)).toBe(true)
    expect(await storage.resolveHash(little.digest.hash)).toEqual(little.digest)
    await expect(storage.hasBlob(big.digest)).rejects.toBe(unavailable)
    await expect(storage.resolveHash(big.digest.hash)).rejects.toBe(unavailable)
    await expect(storage.missingBlobs([little.digest, big.digest])).rejects.toBe(unavailable)
    expect(await storage.bulkDelete([big.digest, little.digest])).toEqual([`${big.digest.hash}/${LIMIT + 1}`])
  })

  test('what a changed limit leaves on the wrong side is absent everywhere, until it is stored again', async () => {
    const blob = makeBlob(1, LIMIT)
    await large.commitWrite(blob.digest, sourceOf(blob))
    await small.commitWrite(makeBlob(2, LIMIT + 1).digest, sourceOf(makeBlob(2, LIMIT + 1)))

    expect(await storage.hasBlob(blob.digest)).toBe(false)
    expect(await storage.resolveHash(blob.digest.hash)).toBe(null)
    expect(await storage.resolveHash(makeBlob(2, LIMIT + 1).digest.hash)).toBe(null)
    expect(await Array.fromAsync(storage.listBlobs())).toEqual([])

    await storage.commitWrite(blob.digest, sourceOf(blob))
    expect(await storage.resolveHash(blob.digest.hash)).toEqual(blob.digest)
    expect(await Array.fromAsync(storage.listBlobs())).toEqual([{ digest: blob.digest }])
  })

  test('starts and stops both, and the first again when the second does not start', async () => {
    const log: string[] = []
    const [first, second] = [new ObservedStorage(), new ObservedStorage()]
    Object.assign(first, { log, name: 'small' })
    Object.assign(second, { log, name: 'large' })
    const composite = new SizePartitionedStorage({ small: first, large: second })

    await composite.start()
    await composite.stop()
    second.failsToStart = true
    await expect(composite.start()).rejects.toThrow('cannot start')

    expect(log.join(' ')).toBe('+small +large -large -small +small -small')
  })

  test('refuses a limit that is none, and leaves the action cache to the small half', () => {
    for (const maxSmallBytes of [-1, Number.NaN]) {
      expect(() => new SizePartitionedStorage({ small, large, maxSmallBytes })).toThrow(/number of bytes/)
    }
    const halves = [small, large].map((each) => ({ storage: each, actionCache: new ReferenceActionCache() })) as [
      { storage: ObservedStorage; actionCache: ReferenceActionCache },
      { storage: ObservedStorage; actionCache: ReferenceActionCache },
    ]
    expect(sizePartitioned({ small: halves[0], large: halves[1] }).actionCache).toBe(halves[0].actionCache)
  })
})
